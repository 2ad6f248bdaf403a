// SPDX-License-Identifier: Apache-2.0
// Any text as documents: refused with a reason, or resources that survive their own text; and
// whatever model they make is refused with reasons or compiled.
#include <cstdint>
#include <string_view>

#include "farspan/base/check.h"
#include "farspan/compiler/compile.h"
#include "farspan/documents/documents.h"
#include "farspan/documents/print.h"
#include "farspan/documents/stored.h"
#include "farspan/model/validate.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t length) {
  using namespace farspan;
  using namespace farspan::documents;
  using namespace farspan::model;
  const std::string_view text(reinterpret_cast<const char*>(bytes), length);
  const ParsedDocuments parsed = parse_documents(text);
  for (const Error& error : parsed.errors) FS_CHECK(!error.what.empty() && !error.remedy.empty());

  model::Model model;
  uint32_t number = 1;
  for (const Document& document : parsed.documents) {
    for (const std::string& again : {to_yaml(document.resource), to_json(document.resource)}) {
      const auto back = parse_documents(again);
      FS_CHECK(back.ok() && back.documents.size() == 1);
      AnyResource same = back.documents[0].resource;
      fill_secrets(same, &document.resource, [] { return std::string(); });
      FS_CHECK(same == document.resource);
    }
    AnyResource resource = document.resource;
    fill_secrets(resource, nullptr, [] { return std::string("fuzzed"); });
    meta_of(resource).number = number++;
    upsert(model, resource);
  }
  const Errors errors = model::validate(model);
  for (const Error& error : errors)
    FS_CHECK(!error.resource.empty() && !error.what.empty() && !error.remedy.empty());
  if (errors.empty()) (void)compiler::compile(model);
  return 0;
}
