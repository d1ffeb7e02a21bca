#include "aws/decode.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/encoding.h"

namespace entrepot::aws {
namespace {

constexpr double kMaxSeconds = 253402300800.0;  // the year 10000

std::string_view NameOf(NodeKind kind) {
  switch (kind) {
    case NodeKind::kText:
      return "STRING_VALUE";
    case NodeKind::kInteger:
      return "NUMBER_VALUE";
    case NodeKind::kDouble:
      return "DECIMAL_VALUE";
    case NodeKind::kTrue:
      return "TRUE_VALUE";
    case NodeKind::kFalse:
      return "FALSE_VALUE";
    default:
      return {};
  }
}

std::unexpected<Error> WrongType(const Node& node, std::string_view wanted) {
  const std::string_view given = NameOf(node.kind);
  if (given.empty() || wanted.empty())
    return Fail(ErrorCode::kMalformedRequest, "Unexpected value type in payload");
  return Fail(ErrorCode::kMalformedRequest,
              std::string(given) + " cannot be converted to " + std::string(wanted));
}

template <class T>
T& As(void* value) {
  return *static_cast<T*>(value);
}

Result<> DecodeString(const Node& node, void* value) {
  if (node.kind != NodeKind::kText) return WrongType(node, "String");
  As<std::string>(value) = node.text;
  return {};
}

// An unknown value keeps the default: the validator refuses it.
Result<> DecodeEnum(const Shape& shape, const Node& node, void* value) {
  if (node.kind != NodeKind::kText) return WrongType(node, "String");
  const auto found = std::ranges::find(shape.values, node.text);
  if (found != shape.values.end())
    As<std::uint8_t>(value) = static_cast<std::uint8_t>(found - shape.values.begin());
  return {};
}

Result<> DecodeInteger(const Shape& shape, const Node& node, void* value) {
  const bool small = shape.kind == Kind::kInteger;
  if (node.kind != NodeKind::kInteger || (small && node.integer != static_cast<std::int32_t>(node.integer)))
    return WrongType(node, small ? "Integer" : "Long");
  As<std::int64_t>(value) = node.integer;
  return {};
}

Result<double> NumberOf(const Node& node, std::string_view wanted) {
  if (node.kind == NodeKind::kInteger) return static_cast<double>(node.integer);
  if (node.kind == NodeKind::kDouble) return node.number;
  return WrongType(node, wanted);
}

Result<> DecodeBoolean(const Node& node, void* value) {
  if (node.kind != NodeKind::kTrue && node.kind != NodeKind::kFalse) return WrongType(node, "Boolean");
  As<bool>(value) = node.kind == NodeKind::kTrue;
  return {};
}

Result<> DecodeTimestamp(const Node& node, void* value) {
  const double seconds = TRY(NumberOf(node, "Timestamp"));
  if (std::abs(seconds) > kMaxSeconds) return WrongType(node, "Timestamp");
  As<Timestamp>(value) = {std::llround(seconds * 1e6)};
  return {};
}

Result<> DecodeBlob(const Node& node, void* value) {
  if (node.kind != NodeKind::kText) return WrongType(node, "Blob");
  std::optional<ByteVector> bytes = Base64Decode(node.text);
  if (!bytes) return WrongType(node, "Blob");
  As<ByteVector>(value) = *std::move(bytes);
  return {};
}

Result<> DecodeValue(const Shape& shape, const Node& node, void* value);

Result<> DecodeList(const Shape& shape, const Node& node, void* list) {
  if (node.kind != NodeKind::kList) return WrongType(node, {});
  for (const Node& child : node.children) {
    if (child.kind == NodeKind::kNull) continue;
    TRY(DecodeValue(*shape.element, child, shape.list_storage->append(list)));
  }
  return {};
}

Result<> DecodeMap(const Shape& shape, const Node& node, void* map) {
  if (node.kind != NodeKind::kObject) return WrongType(node, {});
  for (const Node& child : node.children) {
    if (child.kind == NodeKind::kNull) continue;
    TRY(DecodeValue(*shape.element, child, shape.map_storage->put(map, child.name)));
  }
  return {};
}

Result<> DecodeValue(const Shape& shape, const Node& node, void* value) {
  switch (shape.kind) {
    case Kind::kString:
      return DecodeString(node, value);
    case Kind::kEnum:
      return DecodeEnum(shape, node, value);
    case Kind::kInteger:
    case Kind::kLong:
      return DecodeInteger(shape, node, value);
    case Kind::kDouble:
      As<double>(value) = TRY(NumberOf(node, "Double"));
      return {};
    case Kind::kBoolean:
      return DecodeBoolean(node, value);
    case Kind::kTimestamp:
      return DecodeTimestamp(node, value);
    case Kind::kBlob:
      return DecodeBlob(node, value);
    case Kind::kList:
      return DecodeList(shape, node, value);
    case Kind::kMap:
      return DecodeMap(shape, node, value);
    case Kind::kStructure:
      return Decode(shape, node, value);
  }
  return {};
}

}  // namespace

Result<> Decode(const Shape& shape, const Node& node, void* structure) {
  if (node.kind != NodeKind::kObject) return WrongType(node, {});
  for (const Member& member : shape.members)
    if (const Node* value = node.Find(member.name))
      TRY(DecodeValue(*member.shape, *value, member.Emplace(structure)));
  return {};
}

}  // namespace entrepot::aws
