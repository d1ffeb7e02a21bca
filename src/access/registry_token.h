#pragma once

// What `docker login` takes as a password: a sealed statement of who it was issued to and for which registry
// (design-access 1). Clients take the text apart in ways of their own (ecr-semantics 2.1), so it is of digits
// and the letters a to f only.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "access/sealed_text.h"
#include "base/names.h"

namespace entrepot::access {

struct RegistryTokenClaims {
  RegistryName registry;      // the default one, where the Host names none
  std::string principal_id;   // unique id: a new principal of the same name is another
  std::string access_key_id;  // under which it was issued
  Timestamp issued_at, expires_at;
};

inline constexpr std::chrono::hours kRegistryTokenLife{12};

std::string SealRegistryToken(const TokenKey& key, const RegistryTokenClaims& claims);

/// The bytes behind a password, or nothing when it is not of that form.
std::optional<ByteVector> DecodeRegistryToken(std::string_view password);
/// Nothing unless it was sealed as a registry token under this key, in a form this release knows in every
/// part.
std::optional<RegistryTokenClaims> OpenRegistryToken(const TokenKey& key, Bytes token);

}  // namespace entrepot::access
