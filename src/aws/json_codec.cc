#include "aws/json_codec.h"

#include <charconv>
#include <cmath>
#include <vector>

#include <boost/json/basic_parser_impl.hpp>

#include "base/check.h"
#include "base/encoding.h"

namespace entrepot::aws {
namespace {

namespace json = boost::json;

// Builds the tree from Boost.JSON's events. Text that the parser hands over from the input itself is only
// pointed at.
struct TreeBuilder {
  static constexpr std::size_t max_object_size = std::size_t(-1), max_array_size = std::size_t(-1),
                               max_key_size = std::size_t(-1), max_string_size = std::size_t(-1);
  using error_code = boost::system::error_code;
  using string_view = json::string_view;

  std::string_view input;
  Document document;
  std::vector<Node*> open;  // a parent's children do not move while a child of theirs is open
  std::string_view name;    // of the member to come
  std::string partial;      // of a key or text that arrives in parts
  std::string fault;

  bool Refuse(std::string why, error_code& ec) {
    fault = std::move(why);
    ec = json::error::exception;
    return false;
  }

  std::string_view TakeText(std::string_view last) {
    if (partial.empty() && last.data() >= input.data() &&
        last.data() + last.size() <= input.data() + input.size())
      return last;
    partial.append(last);
    const std::string_view kept = document.Keep(partial);
    partial.clear();
    return kept;
  }

  Node* Add(NodeKind kind, error_code& ec) {
    if (!document.CountNode()) return Refuse("too many values", ec), nullptr;
    if (open.empty()) return document.root() = document.NewNode(kind), &document.root();
    Node& node = open.back()->children.emplace_back(document.NewNode(kind, name));
    name = {};
    return &node;
  }
  bool Open(NodeKind kind, error_code& ec) {
    Node* node = Add(kind, ec);
    if (node) open.push_back(node);
    return node != nullptr;
  }

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code& ec) { return Open(NodeKind::kObject, ec); }
  bool on_object_end(std::size_t, error_code&) { return open.pop_back(), true; }
  bool on_array_begin(error_code& ec) { return Open(NodeKind::kList, ec); }
  bool on_array_end(std::size_t, error_code&) { return open.pop_back(), true; }
  bool on_key_part(string_view part, std::size_t, error_code&) { return partial.append(part), true; }
  bool on_key(string_view part, std::size_t, error_code&) { return name = TakeText(part), true; }
  bool on_string_part(string_view part, std::size_t, error_code&) { return partial.append(part), true; }
  bool on_string(string_view part, std::size_t, error_code& ec) {
    Node* node = Add(NodeKind::kText, ec);
    if (node) node->text = TakeText(part);
    return node != nullptr;
  }
  bool on_number_part(string_view, error_code&) { return true; }
  bool on_int64(std::int64_t number, string_view, error_code& ec) {
    Node* node = Add(NodeKind::kInteger, ec);
    if (node) node->integer = number;
    return node != nullptr;
  }
  bool on_uint64(std::uint64_t number, string_view part, error_code& ec) {
    return on_double(static_cast<double>(number), part, ec);  // beyond every integer of AWS's
  }
  bool on_double(double number, string_view, error_code& ec) {
    if (!std::isfinite(number)) return Refuse("a number is too large", ec);
    Node* node = Add(NodeKind::kDouble, ec);
    if (node) node->number = number;
    return node != nullptr;
  }
  bool on_bool(bool truth, error_code& ec) {
    return Add(truth ? NodeKind::kTrue : NodeKind::kFalse, ec) != nullptr;
  }
  bool on_null(error_code& ec) { return Add(NodeKind::kNull, ec) != nullptr; }
  bool on_comment_part(string_view, error_code&) { return true; }
  bool on_comment(string_view, error_code&) { return true; }
};

constexpr std::string_view kBlanks = " \t\r\n";

void AppendInteger(std::string& out, std::int64_t number) {
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

void AppendDouble(std::string& out, double number) {
  CHECK(std::isfinite(number));
  char digits[32];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

// 1663000000.123: whole milliseconds, never with an exponent.
void AppendTimestamp(std::string& out, Timestamp time) {
  const std::int64_t millis = time.micros / 1000;
  const std::int64_t fraction = std::abs(millis % 1000);
  if (millis < 0 && millis > -1000) out += '-';
  AppendInteger(out, millis / 1000);
  if (fraction == 0) return;
  out += '.';
  const std::string digits = std::to_string(1000 + fraction);
  out.append(digits, 1, digits.find_last_not_of('0'));
}

bool IsEscaped(char c) { return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\'; }

// Looks at all of it, so that it is done many characters at a time.
bool NeedsEscapes(std::string_view text) {
  bool found = false;
  for (const char c : text) found |= IsEscaped(c);
  return found;
}

void AppendValue(std::string& out, const Shape& shape, const void* value);

void AppendStructure(std::string& out, const Shape& shape, const void* structure) {
  out += '{';
  for (const Member& member : shape.members) {
    const void* value = member.Value(structure);
    if (!value) continue;
    if (out.back() != '{') out += ',';
    out += '"';
    out += member.name;  // letters and digits
    out += "\":";
    AppendValue(out, *member.shape, value);
  }
  out += '}';
}

void AppendList(std::string& out, const Shape& shape, const void* list) {
  out += '[';
  const std::size_t size = shape.list_storage->size(list);
  for (std::size_t i = 0; i < size; ++i) {
    if (i > 0) out += ',';
    AppendValue(out, *shape.element, shape.list_storage->at(list, i));
  }
  out += ']';
}

void AppendMap(std::string& out, const Shape& shape, const void* map) {
  struct Context {
    std::string& out;
    const Shape& element;
  } context{out, *shape.element};
  out += '{';
  shape.map_storage->visit(map, &context, [](void* opaque, std::string_view key, const void* value) {
    auto& [text, element] = *static_cast<Context*>(opaque);
    if (text.back() != '{') text += ',';
    AppendJsonText(text, key);
    text += ':';
    AppendValue(text, element, value);
  });
  out += '}';
}

void AppendValue(std::string& out, const Shape& shape, const void* value) {
  switch (shape.kind) {
    case Kind::kString:
      return AppendJsonText(out, *static_cast<const std::string*>(value));
    case Kind::kEnum:
      return AppendJsonText(out, shape.values[*static_cast<const std::uint8_t*>(value)]);
    case Kind::kInteger:
    case Kind::kLong:
      return AppendInteger(out, *static_cast<const std::int64_t*>(value));
    case Kind::kDouble:
      return AppendDouble(out, *static_cast<const double*>(value));
    case Kind::kBoolean:
      out += *static_cast<const bool*>(value) ? "true" : "false";
      return;
    case Kind::kTimestamp:
      return AppendTimestamp(out, *static_cast<const Timestamp*>(value));
    case Kind::kBlob:
      return AppendJsonText(out, Base64Encode(*static_cast<const ByteVector*>(value)));
    case Kind::kList:
      return AppendList(out, shape, value);
    case Kind::kMap:
      return AppendMap(out, shape, value);
    case Kind::kStructure:
      return AppendStructure(out, shape, value);
  }
}

}  // namespace

Result<Document> ReadJson(std::string_view text) {
  if (text.find_first_not_of(kBlanks) == text.npos) return Document();
  json::parse_options options;
  options.max_depth = Document::kMaxDepth;
  json::basic_parser<TreeBuilder> parser(options, TreeBuilder{.input = text});
  boost::system::error_code ec;
  const std::size_t consumed = parser.write_some(false, text.data(), text.size(), ec);
  TreeBuilder& builder = parser.handler();
  if (ec)
    return Fail(ErrorCode::kMalformedRequest,
                "The body is not JSON: " + (builder.fault.empty() ? ec.message() : builder.fault));
  if (text.find_first_not_of(kBlanks, consumed) != text.npos)
    return Fail(ErrorCode::kMalformedRequest, "The body is not JSON: text after the value");
  return std::move(builder.document);
}

std::string WriteJson(const Shape& shape, const void* structure) {
  std::string out;
  AppendStructure(out, shape, structure);
  return out;
}

void AppendJsonText(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out += '"';
  if (!NeedsEscapes(text)) {
    out += text;
    out += '"';
    return;
  }
  std::size_t plain = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (!IsEscaped(c)) continue;
    out.append(text, plain, i - plain);
    plain = i + 1;
    out += '\\';
    switch (c) {
      case '"':
      case '\\':
        out += c;
        break;
      case '\n':
        out += 'n';
        break;
      case '\r':
        out += 'r';
        break;
      case '\t':
        out += 't';
        break;
      default:
        out.append("u00") += kHex[static_cast<unsigned char>(c) >> 4], out += kHex[c & 15];
    }
  }
  out.append(text, plain);
  out += '"';
}

}  // namespace entrepot::aws
