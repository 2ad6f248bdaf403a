// SPDX-License-Identifier: Apache-2.0
// Between gRPC's buffers and messages: methods are served raw, because a message is weighed before
// it is parsed (message_weight.h). Inside this folder only.
#pragma once

#include <grpcpp/grpcpp.h>

#include <string>
#include <vector>

namespace farspan::controller {

inline std::string text_of(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string text;
  if (!buffer.Dump(&slices).ok()) return text;
  text.reserve(buffer.Length());
  for (const grpc::Slice& slice : slices)
    text.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return text;
}

template <class Message>
grpc::Status to_buffer(const Message& message, grpc::ByteBuffer& buffer) {
  bool is_own_buffer = true;
  return grpc::SerializationTraits<Message>::Serialize(message, &buffer, &is_own_buffer);
}

}  // namespace farspan::controller
