#pragma once

// Identifiers that are random, never derived from content.

#include <string>
#include <string_view>

namespace entrepot {

/// A version-4 UUID in lower case: request ids, upload ids.
std::string NewUuid();
/// 8-4-4-4-12 lower-case hex.
bool IsUuid(std::string_view text);
/// An AWS-shaped id: `prefix` and then letters A-Z and digits 2-7, `length` in all. AKIA… keys and AIDA…
/// users have 20.
std::string NewAwsId(std::string_view prefix, std::size_t length);

}  // namespace entrepot
