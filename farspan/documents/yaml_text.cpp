// SPDX-License-Identifier: Apache-2.0
#include "farspan/documents/yaml_text.h"

#include <algorithm>
#include <string_view>

namespace farspan::documents {
namespace {

using Json = nlohmann::ordered_json;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// true, on, NULL, …: a bool or null in YAML 1.1 (https://yaml.org/type/bool.html) or 1.2.
bool has_other_meaning(std::string_view text) {
  static constexpr std::string_view kWords[] = {"true", "false", "yes", "no", "on",
                                                "off",  "null",  "y",   "n"};
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return std::find(std::begin(kWords), std::end(kWords), lower) != std::end(kWords);
}

// Starts with a letter, or is a prefix: no number, date or time has a slash.
bool is_bare(std::string_view text) {
  const bool is_word =
      !text.empty() && is_letter(text[0]) && std::all_of(text.begin(), text.end(), [](char c) {
        return is_letter(c) || is_digit(c) || c == '-' || c == '_' || c == '.' || c == '/';
      });
  if (is_word) return !has_other_meaning(text);
  return !text.empty() && is_digit(text[0]) && text.find('/') != text.npos &&
         text.find_first_not_of("0123456789./") == text.npos;
}

// Quoted as in JSON, which YAML 1.2 includes and YAML 1.1 reads alike; what is no ASCII is escaped
// where it would be no line of text to a YAML reader. nlohmann writes the characters of other
// planes as pairs of surrogates, which YAML has not, so only \u0080-\u009f and the separators are
// escaped.
std::string quoted(const std::string& text) {
  const std::string json = Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
  std::string out;
  for (size_t i = 0; i < json.size(); ++i) {
    const std::string_view rest = std::string_view(json).substr(i);
    const bool is_c1 =
        rest.size() > 1 && rest[0] == '\xc2' && static_cast<unsigned char>(rest[1]) < 0xa0;
    if (is_c1) {
      static constexpr char kHex[] = "0123456789abcdef";
      const auto byte = static_cast<unsigned char>(json[++i]);
      ((out += "\\u00") += kHex[byte >> 4]) += kHex[byte & 15];
    } else if (rest.starts_with("\u2028") || rest.starts_with("\u2029") ||
               rest.starts_with("\ufeff")) {
      out += rest.starts_with("\u2028")   ? "\\u2028"
             : rest.starts_with("\u2029") ? "\\u2029"
                                          : "\\ufeff";
      i += 2;
    } else if (json[i] == '\x7f') {
      out += "\\u007f";
    } else {
      out += json[i];
    }
  }
  return out;
}

std::string scalar(const Json& value) {
  if (!value.is_string()) return value.dump();
  const auto& text = value.get_ref<const std::string&>();
  return is_bare(text) ? text : quoted(text);
}

bool is_short_list(const Json& value) {
  return value.is_array() && std::none_of(value.begin(), value.end(),
                                          [](const Json& item) { return item.is_structured(); });
}

// What follows "key:" or "-" on the same line; structures go on below it.
bool is_on_one_line(const Json& value) {
  return !value.is_structured() || value.empty() || is_short_list(value);
}

std::string one_line(const Json& value) {
  if (value.is_object()) return "{}";
  if (!value.is_array()) return scalar(value);
  std::string out = "[";
  for (const Json& item : value) out += (out.size() == 1 ? "" : ", ") + scalar(item);
  return out + "]";
}

// `value` at `indent`, whose first line is begun already.
void write(const Json& value, size_t indent, std::string& out) {
  const std::string margin(indent, ' ');
  bool is_first = true;
  if (is_on_one_line(value)) {
    out += one_line(value) + "\n";
  } else if (value.is_object()) {
    for (const auto& [key, member] : value.items()) {
      if (!std::exchange(is_first, false)) out += margin;
      out += (is_bare(key) ? key : quoted(key)) + ":";
      if (is_on_one_line(member)) {
        out += " " + one_line(member) + "\n";
      } else {
        const size_t inner = indent + 2;
        out += "\n" + std::string(inner, ' ');
        write(member, inner, out);
      }
    }
  } else {
    for (const Json& item : value) {
      if (!std::exchange(is_first, false)) out += margin;
      out += "- ";
      write(item, indent + 2, out);
    }
  }
}

}  // namespace

std::string yaml_text(const Json& value) {
  std::string out;
  write(value, 0, out);
  return out;
}

}  // namespace farspan::documents
