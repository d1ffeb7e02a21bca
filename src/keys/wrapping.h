#pragma once

// How one key wraps another or seals something small: salt(16) ‖ box, the box made under HKDF(key, salt,
// label). Every wrap has a key of its own, so that the number of wraps under one key is not bounded by the
// length of GCM's nonce.
//
// Safe from any thread.

#include <string_view>

#include "base/crypto.h"
#include "base/result.h"

namespace entrepot::keys {

/// `label` separates uses of one key; `context` is what the content is bound to.
ByteVector SealUnder(const SecretKey& key, std::string_view label, Bytes context, Bytes plain);
/// kKeyFailure (facts: kms_error, detail) when it was not sealed under this key, label and context.
Result<ByteVector> OpenUnder(const SecretKey& key, std::string_view label, Bytes context, Bytes sealed);
/// The same for content that is a key.
Result<SecretKey> OpenKeyUnder(const SecretKey& key, std::string_view label, Bytes context, Bytes sealed);

/// kKeyFailure with ECR's kmsError.
std::unexpected<Error> KeyFailure(std::string_view kms_error, std::string detail);

/// A number as context.
std::array<std::uint8_t, 8> NumberBytes(std::uint64_t number);

}  // namespace entrepot::keys
