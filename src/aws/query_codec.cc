#include "aws/query_codec.h"

#include <charconv>
#include <cmath>
#include <sstream>

#include <pugixml.hpp>

#include "aws/text.h"
#include "base/encoding.h"

namespace entrepot::aws {
namespace {

template <class T>
bool ParseWhole(std::string_view text, T& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

std::unexpected<Error> Unreadable(std::string_view name, std::string_view wanted) {
  return Fail(ErrorCode::kMalformedRequest,
              "The value of '" + std::string(name) + "' cannot be converted to " + std::string(wanted));
}

/// Builds the tree that a shape expects from names that spell out the path to each value.
class FormReader {
 public:
  FormReader(const Form& form, Document& document) : form_(form), document_(document) {}

  /// The members whose names begin with `prefix`.
  Result<> Members(const Shape& shape, const std::string& prefix, Node& node, int depth) {
    for (const Member& member : shape.members) {
      const std::string name = prefix + std::string(member.name);
      if (Mentioned(name)) TRY(Value(*member.shape, name, Add(node, member.name), depth));
    }
    return overflow_ ? Result<>(Fail(ErrorCode::kMalformedRequest, "Too many values")) : Result<>();
  }

 private:
  // Whether the form has the name itself or something below it.
  bool Mentioned(const std::string& name) const {
    if (form_.contains(name)) return true;
    const auto below = form_.lower_bound(name + ".");
    return below != form_.end() && below->first.starts_with(name + ".");
  }

  std::string_view Text(const std::string& name) const {
    const auto found = form_.find(name);
    return found == form_.end() ? std::string_view() : std::string_view(found->second);
  }

  Node& Add(Node& parent, std::string_view name) {
    overflow_ |= !document_.CountNode();
    return parent.children.emplace_back(document_.NewNode(NodeKind::kNull, name));
  }

  Result<> Value(const Shape& shape, const std::string& name, Node& node, int depth) {
    if (depth > Document::kMaxDepth) return Fail(ErrorCode::kMalformedRequest, "Nested too deeply");
    switch (shape.kind) {
      case Kind::kString:
      case Kind::kEnum:
      case Kind::kBlob:
        node.kind = NodeKind::kText, node.text = Text(name);
        return {};
      case Kind::kInteger:
      case Kind::kLong:
        node.kind = NodeKind::kInteger;
        return ParseWhole(Text(name), node.integer) ? Result<>() : Unreadable(name, "Integer");
      case Kind::kDouble:
        node.kind = NodeKind::kDouble;
        return ParseWhole(Text(name), node.number) && std::isfinite(node.number) ? Result<>()
                                                                                 : Unreadable(name, "Double");
      case Kind::kBoolean:
        return Boolean(name, node);
      case Kind::kTimestamp:
        return Time(name, node);
      case Kind::kList:
        return List(shape, name, node, depth);
      case Kind::kMap:
        return Map(shape, name, node, depth);
      case Kind::kStructure:
        node.kind = NodeKind::kObject;
        return Members(shape, name + ".", node, depth + 1);
    }
    return {};
  }

  Result<> Boolean(const std::string& name, Node& node) {
    const std::string_view text = Text(name);
    if (text != "true" && text != "false") return Unreadable(name, "Boolean");
    node.kind = text == "true" ? NodeKind::kTrue : NodeKind::kFalse;
    return {};
  }

  // 2015-08-30T12:36:00Z, with a fraction of a second or without.
  Result<> Time(const std::string& name, Node& node) {
    std::string text(Text(name));
    if (const std::size_t dot = text.find('.'); dot != text.npos) text.replace(dot, text.npos, "Z");
    std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
    Timestamp time;
    if (!FromBasicIso8601(text, time)) return Unreadable(name, "Timestamp");
    node.kind = NodeKind::kDouble, node.number = time.seconds();
    return {};
  }

  // X.member.1, X.member.2, … as far as they go on. `X=` alone is an empty list.
  Result<> List(const Shape& shape, const std::string& name, Node& node, int depth) {
    node.kind = NodeKind::kList;
    for (int index = 1; !overflow_; ++index) {
      const std::string element = name + ".member." + std::to_string(index);
      if (!Mentioned(element)) break;
      TRY(Value(*shape.element, element, Add(node, {}), depth + 1));
    }
    return {};
  }

  // X.entry.1.key and X.entry.1.value, …
  Result<> Map(const Shape& shape, const std::string& name, Node& node, int depth) {
    node.kind = NodeKind::kObject;
    for (int index = 1; !overflow_; ++index) {
      const std::string entry = name + ".entry." + std::to_string(index);
      if (!Mentioned(entry)) break;
      TRY(Value(*shape.element, entry + ".value", Add(node, Text(entry + ".key")), depth + 1));
    }
    return {};
  }

  const Form& form_;
  Document& document_;
  bool overflow_ = false;
};

void AppendValue(pugi::xml_node parent, const char* name, const Shape& shape, const void* value);

void SetText(pugi::xml_node node, const std::string& text) { node.text().set(text.c_str()); }

void AppendMembers(pugi::xml_node node, const Shape& shape, const void* structure) {
  for (const Member& member : shape.members)
    if (const void* value = member.Value(structure))
      AppendValue(node, std::string(member.name).c_str(), *member.shape, value);
}

void AppendList(pugi::xml_node node, const Shape& shape, const void* list) {
  const std::size_t size = shape.list_storage->size(list);
  for (std::size_t i = 0; i < size; ++i)
    AppendValue(node, "member", *shape.element, shape.list_storage->at(list, i));
}

void AppendMap(pugi::xml_node node, const Shape& shape, const void* map) {
  struct Context {
    pugi::xml_node node;
    const Shape& element;
  } context{node, *shape.element};
  shape.map_storage->visit(map, &context, [](void* opaque, std::string_view key, const void* value) {
    auto& [parent, element] = *static_cast<Context*>(opaque);
    pugi::xml_node entry = parent.append_child("entry");
    SetText(entry.append_child("key"), std::string(key));
    AppendValue(entry, "value", element, value);
  });
}

void AppendValue(pugi::xml_node parent, const char* name, const Shape& shape, const void* value) {
  pugi::xml_node node = parent.append_child(name);
  switch (shape.kind) {
    case Kind::kString:
      return SetText(node, *static_cast<const std::string*>(value));
    case Kind::kEnum:
      return SetText(node, std::string(shape.values[*static_cast<const std::uint8_t*>(value)]));
    case Kind::kInteger:
    case Kind::kLong:
      node.text().set(static_cast<long long>(*static_cast<const std::int64_t*>(value)));
      return;
    case Kind::kDouble:
      node.text().set(*static_cast<const double*>(value));
      return;
    case Kind::kBoolean:
      node.text().set(*static_cast<const bool*>(value));
      return;
    case Kind::kTimestamp:
      return SetText(node, ToIso8601(*static_cast<const Timestamp*>(value)));
    case Kind::kBlob:
      return SetText(node, Base64Encode(*static_cast<const ByteVector*>(value)));
    case Kind::kList:
      return AppendList(node, shape, value);
    case Kind::kMap:
      return AppendMap(node, shape, value);
    case Kind::kStructure:
      return AppendMembers(node, shape, value);
  }
}

}  // namespace

Result<> ReadForm(std::string_view encoded, Form& form) {
  while (!encoded.empty()) {
    const std::string_view pair = encoded.substr(0, encoded.find('&'));
    encoded.remove_prefix(std::min(pair.size() + 1, encoded.size()));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    std::optional<std::string> name = PercentDecode(pair.substr(0, equals), true);
    std::optional<std::string> value = PercentDecode(pair.substr(std::min(equals + 1, pair.size())), true);
    if (!name || !value || !IsXmlText(*name) || !IsXmlText(*value))
      return Fail(ErrorCode::kMalformedRequest, "The parameters are not well encoded");
    form.insert_or_assign(*std::move(name), *std::move(value));
  }
  return {};
}

Result<Document> ReadParameters(const Shape& shape, const Form& form) {
  Document document;
  TRY(FormReader(form, document).Members(shape, "", document.root(), 0));
  return document;
}

std::string WriteXml(const OperationModel& model, std::string_view xml_namespace, const void* structure,
                     std::string_view request_id) {
  pugi::xml_document document;
  pugi::xml_node root = document.append_child((std::string(model.name) + "Response").c_str());
  root.append_attribute("xmlns").set_value(std::string(xml_namespace).c_str());
  if (!model.result_wrapper.empty())
    AppendMembers(root.append_child(std::string(model.result_wrapper).c_str()), *model.output, structure);
  SetText(root.append_child("ResponseMetadata").append_child("RequestId"), std::string(request_id));
  std::ostringstream out;
  document.save(out, "", pugi::format_raw | pugi::format_no_declaration);
  return std::move(out).str();
}

}  // namespace entrepot::aws
