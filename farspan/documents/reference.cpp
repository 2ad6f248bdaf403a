// SPDX-License-Identifier: Apache-2.0
// docs/resources.md from the descriptions.
#include "farspan/documents/explain.h"
#include "farspan/documents/outline.h"
#include "farspan/documents/outline_words.h"
#include "farspan/documents/yaml_text.h"

namespace farspan::documents {
namespace {

// '|' would end a cell.
std::string cell(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '|' ? std::string("\\|") : std::string(1, c);
  return out;
}

std::string words_text(const FieldOutline& outline) {
  std::string text;
  for (const auto& known : outline.words) {
    text += (text.empty() ? " Words: `" : ", `") + known.word + "`";
    if (*known.says != '\0') text += std::string(" (") + known.says + ")";
  }
  return text.empty() ? text : text + ".";
}

void add_rows(const std::string& inside, const std::vector<FieldOutline>& fields,
              std::string& text) {
  for (const FieldOutline& outline : fields) {
    const std::string path = inside + outline.field.name;
    text += "| `" + path + "` | " + cell(type_text(outline)) + " | " + cell(default_text(outline)) +
            " | " + cell(outline.field.says + words_text(outline)) + " |\n";
    add_rows(path + (outline.is_list ? "[]." : "."), outline.parts, text);
  }
}

std::string table_of(const std::vector<FieldOutline>& fields) {
  std::string text = "| field | what it is | left out | meaning |\n|---|---|---|---|\n";
  add_rows("", fields, text);
  return text;
}

}  // namespace

std::string reference_markdown() {
  std::string text =
      "# Kinds and their fields\n\n"
      "Made from the descriptions in `farspan/model/*.h`; `farspan explain KIND.FIELD` says the "
      "same in a terminal, and\n`GET /v1/openapi.json` to programs. Do not edit: `farspan explain "
      "--reference > docs/resources.md`.\n\n"
      "Every document has `kind`, `name`, and the fields of its kind under `spec`. A kind refers "
      "only to kinds above it or to itself.\n\n" +
      table_of(meta_outline());
  for (const KindOutline& kind : kind_outlines()) {
    text += "\n## " + kind.kind + "\n\n" + kind.says + "\n\n";
    if (!kind.fields.empty()) text += table_of(kind.fields) + "\n";
    text += "```yaml\n" + yaml_text(example_of(kind)) + "```\n";
  }
  return text;
}

}  // namespace farspan::documents
