#pragma once

// The names that both doors take from clients, each parsed once into a type of its own. Sources of the rules:
// the ECR model's patterns and lengths (models/ecr.json) and OCI Distribution v1.1.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace entrepot {

/// A string that was checked by Parse and cannot be mistaken for another kind of name.
template <class Tag>
class Name {
 public:
  static Result<Name> Parse(std::string_view text);
  /// For text that came from our own store or from a literal.
  static Name Trusted(std::string text) { return Name(std::move(text)); }

  const std::string& str() const { return text_; }
  operator std::string_view() const { return text_; }  // NOLINT: a name reads as text
  friend bool operator==(const Name&, const Name&) = default;
  friend auto operator<=>(const Name&, const Name&) = default;

 private:
  explicit Name(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

/// `team/app`: 2 to 256 characters of ECR's private repository pattern.
using RepositoryName = Name<struct RepositoryNameTag>;
/// An image tag as the API takes it: 1 to 300 of [a-zA-Z0-9-_.]. `/v2/` creates only IsOciTag tags.
using ImageTag = Name<struct ImageTagTag>;
/// Twelve digits.
using AccountId = Name<struct AccountIdTag>;
/// `us-west-2`: lower-case words and digits joined by '-', ending in a number, as AWS names its regions.
using Region = Name<struct RegionTag>;

/// OCI Distribution v1.1: [a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}.
bool IsOciTag(std::string_view text);

/// A registry is an account in a region (design.md 1.3).
struct RegistryName {
  AccountId account;
  Region region;
  friend bool operator==(const RegistryName&, const RegistryName&) = default;
  friend auto operator<=>(const RegistryName&, const RegistryName&) = default;
};

}  // namespace entrepot

template <class Tag>
struct std::hash<entrepot::Name<Tag>> {
  std::size_t operator()(const entrepot::Name<Tag>& name) const noexcept {
    return std::hash<std::string_view>{}(name.str());
  }
};
