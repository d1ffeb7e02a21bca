#pragma once

// AWS's shapes as tables: what a service's model says about every type, and where its values live in the
// generated structs. modelgen writes the tables (services/*/model.gen.cc) as constants; the validator and the
// codecs walk them.
//
// The tables hold no state, so everything here is safe from any thread.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"

namespace entrepot::aws {

/// The C++ type of a value of each kind. An absent kString is no value at all, not "".
enum class Kind : std::uint8_t {
  kString,     // std::string
  kEnum,       // an enum class over std::uint8_t, in the order of Shape::values
  kInteger,    // std::int64_t, 32 bits on the wire
  kLong,       // std::int64_t
  kDouble,     // double
  kBoolean,    // bool
  kTimestamp,  // Timestamp
  kBlob,       // ByteVector
  kList,       // std::vector, through list_storage
  kMap,        // std::map by string, through map_storage
  kStructure,  // a generated struct, through members
};

/// How a std::vector is walked and grown by code that does not know its element.
struct ListStorage {
  std::size_t (*size)(const void* list);
  const void* (*at)(const void* list, std::size_t index);
  void* (*append)(void* list);
};

/// The same for a std::map by string.
struct MapStorage {
  using Visitor = void (*)(void* context, std::string_view key, const void* value);
  void (*visit)(const void* map, void* context, Visitor visitor);
  void* (*put)(void* map, std::string_view key);
};

/// How an optional member is read and set. A required member has none: it is always there.
struct OptionalStorage {
  const void* (*value)(const void* member);  // nullptr when absent
  void* (*emplace)(void* member);
};

struct Member;

inline constexpr std::int64_t kNoMinimum = std::numeric_limits<std::int64_t>::min();
inline constexpr std::int64_t kNoMaximum = std::numeric_limits<std::int64_t>::max();

struct Shape {
  Kind kind = Kind::kString;
  std::string_view name;              // AWS's
  std::int64_t minimum = kNoMinimum;  // of the value, or of the length: code points, bytes, elements
  std::int64_t maximum = kNoMaximum;
  std::string_view pattern;                  // as AWS writes it; the whole value must match
  bool sensitive = false;                    // never shown in a message
  std::span<const std::string_view> values;  // kEnum
  const Shape* key = nullptr;                // kMap
  const Shape* element = nullptr;            // kList, and a kMap's value
  std::span<const Member> members;           // kStructure, in the model's order
  const ListStorage* list_storage = nullptr;
  const MapStorage* map_storage = nullptr;
};

struct Member {
  std::string_view name;  // on the wire
  const Shape* shape = nullptr;
  bool required = false;
  void* (*at)(void* structure) = nullptr;     // where it lives in its struct: kAt
  const OptionalStorage* optional = nullptr;  // nullptr when required

  /// The member's value in a struct, or nullptr when it is absent.
  const void* Value(const void* structure) const {
    const void* member = at(const_cast<void*>(structure));  // kAt only adds an offset
    return optional ? optional->value(member) : member;
  }
  /// A default value in the struct, to be filled.
  void* Emplace(void* structure) const {
    void* member = at(structure);
    return optional ? optional->emplace(member) : member;
  }
};

template <class Structure, class T>
Structure StructureOf(T Structure::*);

/// From a struct to one of its members. (offsetof is not for structs that hold a std::map.)
template <auto kMember>
inline constexpr auto kAt = [](void* structure) -> void* {
  return &(static_cast<decltype(StructureOf(kMember))*>(structure)->*kMember);
};

template <class T>
inline constexpr ListStorage kListOf = {
    [](const void* list) { return static_cast<const std::vector<T>*>(list)->size(); },
    [](const void* list, std::size_t index) -> const void* {
      return &(*static_cast<const std::vector<T>*>(list))[index];
    },
    [](void* list) -> void* { return &static_cast<std::vector<T>*>(list)->emplace_back(); },
};

template <class T>
inline constexpr MapStorage kMapOf = {
    [](const void* map, void* context, MapStorage::Visitor visitor) {
      for (const auto& [key, value] : *static_cast<const std::map<std::string, T>*>(map))
        visitor(context, key, &value);
    },
    [](void* map, std::string_view key) -> void* {
      return &(*static_cast<std::map<std::string, T>*>(map))[std::string(key)];
    },
};

template <class T>
inline constexpr OptionalStorage kOptionalOf = {
    [](const void* member) -> const void* {
      const auto& optional = *static_cast<const std::optional<T>*>(member);
      return optional ? &*optional : nullptr;
    },
    [](void* member) -> void* { return &static_cast<std::optional<T>*>(member)->emplace(); },
};

/// What a model says about one operation.
struct OperationModel {
  std::string_view name;
  const Shape* input = nullptr;  // structures
  const Shape* output = nullptr;
  std::string_view result_wrapper;  // query protocol: the element round the result, "" without a result
  std::span<const std::string_view> errors;          // names of the modelled errors
  std::shared_ptr<void> (*new_request)() = nullptr;  // the input's struct: kNew

  bool Declares(std::string_view error) const;
};

template <class T>
inline constexpr auto kNew = []() -> std::shared_ptr<void> { return std::make_shared<T>(); };

/// The same with the generated structs, so that a row with the wrong function does not compile.
template <class Request, class Response>
struct TypedOperationModel : OperationModel {};

/// What a model says about its service.
struct ServiceModel {
  std::string_view signing_name;
  std::string_view version;
  std::string_view target_prefix;  // JSON protocols: X-Amz-Target is <target_prefix>.<operation>
  std::string_view xml_namespace;  // query protocol
  std::span<const OperationModel* const> operations;  // by name
};

}  // namespace entrepot::aws
