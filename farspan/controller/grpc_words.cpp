// SPDX-License-Identifier: Apache-2.0
#include "farspan/controller/grpc_words.h"

#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <mutex>

namespace farspan::controller {
namespace {

constexpr int kLinesAMinute = 10;

void log(gpr_log_func_args* line) {
  static std::mutex mutex;
  static std::chrono::steady_clock::time_point minute;
  static int said = 0, unsaid = 0;
  const std::lock_guard lock(mutex);
  const auto now = std::chrono::steady_clock::now();
  if (now - minute >= std::chrono::minutes(1)) {
    if (unsaid > 0) spdlog::warn("gRPC: {} lines more were left out", unsaid);
    minute = now;
    said = unsaid = 0;
  }
  if (++said > kLinesAMinute) {
    ++unsaid;
    return;
  }
  spdlog::warn("gRPC: {}", line->message);
}

}  // namespace

// What protobuf says of a message that it does not parse, its caller says better.
void keep_grpc_words_few() {
  gpr_set_log_function(log);
  google::protobuf::SetLogHandler(nullptr);
}

}  // namespace farspan::controller
