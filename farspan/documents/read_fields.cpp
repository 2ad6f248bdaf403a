// SPDX-License-Identifier: Apache-2.0
#include "farspan/documents/read_fields.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "farspan/base/text.h"
#include "farspan/model/bounds.h"
#include "farspan/model/kind_names.h"

namespace farspan::documents {
namespace {

constexpr size_t kMaxStringBytes = 4096;
constexpr size_t kMaxListItems = 10'000;

const char* name_of(Value::Kind kind) {
  switch (kind) {
    case Value::Kind::kNull:
      return "nothing";
    case Value::Kind::kBool:
      return "a truth value";
    case Value::Kind::kNumber:
      return "a number";
    case Value::Kind::kPlain:
      return "a word";
    case Value::Kind::kString:
      return "a string";
    case Value::Kind::kList:
      return "a list";
    case Value::Kind::kMap:
      return "a map";
  }
  return "nothing";
}

std::string is_instead_of(const Value& value, const char* noun) {
  return std::string("is ") + name_of(value.kind) + " instead of " + noun;
}

// What of a wrong value is repeated to the person who wrote it.
std::string shown(std::string_view text) {
  constexpr size_t kMost = 64;
  if (!is_plain_line(text)) return "(what is written)";
  if (text.size() <= kMost) return std::string(text);
  size_t end = kMost;  // not inside a character
  while ((static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return std::string(text.substr(0, end)) + "…";
}

bool may_be_number(const Value& value) {
  return value.kind == Value::Kind::kNumber || value.kind == Value::Kind::kPlain;
}

// "172.16.1.5/24" → 172.16.1.0/24
std::optional<net::Prefix> without_host_bits(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto address = net::Address::parse(text.substr(0, slash));
  int length = -1;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data() + slash + 1, end, length);
  if (!address || error != std::errc{} || at != end || length < 0 || length > address->bits())
    return std::nullopt;
  return net::Prefix::covering(*address, length);
}

}  // namespace

std::string place_text(std::string_view file, Mark mark) {
  const std::string line = std::to_string(mark.line), column = std::to_string(mark.column);
  if (file.empty()) return "line " + line + ", column " + column;
  return std::string(file) + ":" + line + ":" + column;
}

void FaultSink::add_at(Mark mark, const std::string& field, std::string what,
                       std::string remedy) const {
  errors_.push_back({ErrorCode::kInvalid, resource_, field,
                     std::move(what) + " (" + place_text(file_, mark) + ")", std::move(remedy)});
}

std::optional<std::string> Scalar::text() const {
  if (value.kind != Value::Kind::kPlain && value.kind != Value::Kind::kString) {
    faults.add(path, is_instead_of(value, "a string"),
               value.is_scalar() ? "write it in quotes" : "write one value");
    return std::nullopt;
  }
  if (value.text.size() > kMaxStringBytes) {
    faults.add(path, "has " + std::to_string(value.text.size()) + " bytes",
               "use at most " + std::to_string(kMaxStringBytes));
    return std::nullopt;
  }
  if (!is_plain_line(value.text)) {
    faults.add(path, "holds control characters or marks that turn the direction of writing",
               "write it in one line of plain text");
    return std::nullopt;
  }
  return value.text;
}

std::optional<bool> Scalar::truth() const {
  const bool may_be_truth = value.kind == Value::Kind::kBool || value.kind == Value::Kind::kPlain;
  if (may_be_truth && value.text == "true") return true;
  if (may_be_truth && value.text == "false") return false;
  faults.add(path,
             may_be_truth ? shown(value.text) + " is not a truth value"
                          : is_instead_of(value, "a truth value"),
             "write true or false");
  return std::nullopt;
}

std::optional<int64_t> Scalar::number(int64_t least, int64_t most) const {
  if (!may_be_number(value)) {
    faults.add(path, is_instead_of(value, "a number"), "write a number without quotes");
    return std::nullopt;
  }
  const std::string& digits = value.text;
  const size_t first = digits.starts_with('-') ? 1 : 0;
  if (digits.size() == first ||
      digits.find_first_not_of("0123456789", first) != std::string::npos) {
    faults.add(path, shown(digits) + " is not a whole number", "write it with digits only");
    return std::nullopt;
  }
  if (digits[first] == '0' && digits.size() > first + 1) {  // YAML 1.1 reads 0100 as 64
    const size_t other = std::min(digits.find_first_not_of('0', first), digits.size() - 1);
    faults.add(path, shown(digits) + " has a leading zero", "write " + shown(digits.substr(other)));
    return std::nullopt;
  }
  int64_t number = 0;
  const auto [at, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc{} || number < least || number > most) {
    faults.add(path, shown(digits) + " is out of range", model::bounds_text(field));
    return std::nullopt;
  }
  return number;
}

std::optional<uint64_t> Scalar::whole_number() const {
  uint64_t number = 0;
  const char* const end = value.text.data() + value.text.size();
  const auto [at, error] = std::from_chars(value.text.data(), end, number);
  if (may_be_number(value) && error == std::errc{} && at == end) return number;
  faults.add(path, "is not a whole number", "write it with digits only");
  return std::nullopt;
}

std::optional<net::Address> Scalar::address() const {
  const auto written = text();
  if (!written) return std::nullopt;
  const auto address = net::Address::parse(*written);
  if (!address)
    faults.add(path, shown(*written) + " is not an IP address",
               std::string("write it like ") + field.example);
  return address;
}

std::optional<net::Prefix> Scalar::prefix() const {
  const auto written = text();
  if (!written) return std::nullopt;
  if (const auto prefix = net::Prefix::parse(*written)) return prefix;
  if (const auto meant = without_host_bits(*written)) {
    const bool has_host_bits = !written->starts_with(meant->address().text() + "/");
    faults.add(path, *written + (has_host_bits ? " has host bits set" : " is not written plainly"),
               "write " + meant->text());
  } else if (const auto address = net::Address::parse(*written)) {
    faults.add(path, *written + " has no length",
               "write " + net::Prefix::host(*address).text() + " for one address");
  } else {
    faults.add(path, shown(*written) + " is not a prefix",
               std::string("write it like ") + field.example);
  }
  return std::nullopt;
}

std::optional<model::PortRange> Scalar::ports() const {
  const auto written = text();
  if (!written) return std::nullopt;
  const auto ports = model::PortRange::parse(*written);
  if (!ports)
    faults.add(path, shown(*written) + " is not a port or a range of ports",
               "write it like 80 or 8000-8080");
  return ports;
}

std::optional<size_t> Scalar::word(std::span<const std::string_view> words) const {
  const auto written = text();
  if (!written) return std::nullopt;
  const auto found = std::find(words.begin(), words.end(), *written);
  if (found != words.end()) return static_cast<size_t>(found - words.begin());
  std::string allowed;
  for (const std::string_view word : words) (allowed += allowed.empty() ? "" : ", ") += word;
  faults.add(path, shown(*written) + " is not a value of it", "use one of " + allowed);
  return std::nullopt;
}

void check_keys(const Value& map, const std::string& inside, const KnownFields& known,
                const FaultSink& faults) {
  std::set<std::string_view> seen;
  for (const Member& member : map.members) {
    const bool is_known =
        std::find(known.names.begin(), known.names.end(), member.key) != known.names.end();
    const auto meant = is_known ? std::nullopt : model::nearest(member.key, known.names);
    // A key may be anything; what is shown is short and plain. Beside a secret it may be the secret
    // itself, in the wrong place.
    const bool is_shown = is_known || (member.key.size() <= 64 && is_plain_line(member.key) &&
                                       (!known.has_secret || meant));
    const std::string name = is_shown ? member.key : "(a key)";
    const std::string path = inside.empty() ? name : inside + "." + name;
    if (!is_known) {
      std::string all;
      for (const std::string& field : known.names) all += (all.empty() ? "" : ", ") + field;
      faults.add_at(member.mark, path, "is not a field of " + faults.type(),
                    all.empty() ? "leave it out; there are no fields"
                    : meant     ? "write " + *meant + "; the fields are " + all
                                : "the fields are " + all);
    } else if (!seen.insert(member.key).second) {
      faults.add_at(member.mark, path, "is given twice", "write it once");
    }
  }
}

void report_missing(const model::Field& field, const std::string& path, const char* noun,
                    const FaultSink& faults) {
  std::string remedy;
  if (field.refers_to == nullptr) {
    const bool is_list = std::string_view(noun) == "a list";
    remedy = std::string("give ") + noun + " such as " + (is_list ? "[" : "") + field.example +
             (is_list ? "]" : "");
  } else if (field.has_bounds()) {
    remedy = "name " + std::to_string(field.least) + " to " + std::to_string(field.most) + " " +
             field.refers_to + "s";
  } else {
    remedy = std::string("name ") + (*field.refers_to == 'I' ? "an " : "a ") + field.refers_to;
  }
  faults.add(path, "is missing", std::move(remedy));
}

bool is_map(const Value& value, const std::string& path, const FaultSink& faults) {
  if (value.kind == Value::Kind::kMap) return true;
  faults.add_at(value.mark, path.empty() ? "spec" : path, is_instead_of(value, "a map"),
                "write its fields as name: value");
  return false;
}

bool is_list(const Value& value, const std::string& path, const FaultSink& faults) {
  if (value.kind != Value::Kind::kList) {
    faults.add_at(value.mark, path, is_instead_of(value, "a list"), "write it in brackets: [a, b]");
    return false;
  }
  if (value.items.size() <= kMaxListItems) return true;
  faults.add_at(value.mark, path, "has " + std::to_string(value.items.size()) + " items",
                "use at most " + std::to_string(kMaxListItems));
  return false;
}

}  // namespace farspan::documents
