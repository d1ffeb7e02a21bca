#pragma once

// Text as AWS's rules count and show it.

#include <cstdint>
#include <string>
#include <string_view>

namespace entrepot::aws {

/// Of valid UTF-8.
std::int64_t CountCodePoints(std::string_view text);

/// Whether XML 1.0 can carry it: valid UTF-8 without control characters but tab, line feed and carriage
/// return.
bool IsXmlText(std::string_view text);

/// At most `limit` bytes of valid UTF-8, whole characters, with … behind when something was left out.
std::string Abridged(std::string_view text, std::size_t limit);

/// How many bytes a base64 text of the standard alphabet with padding stands for.
std::int64_t Base64DecodedLength(std::string_view text);

}  // namespace entrepot::aws
