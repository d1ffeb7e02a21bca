#pragma once

// Text forms of bytes: hex, base64, percent-encoding. Decoders are strict and return nothing on bad input.

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace entrepot {

/// Lower-case hex.
std::string HexEncode(Bytes bytes);
void AppendHex(std::string& text, Bytes bytes);
/// Upper or lower case.
std::optional<ByteVector> HexDecode(std::string_view text);

/// The standard alphabet with padding (RFC 4648 section 4).
std::string Base64Encode(Bytes bytes);
std::optional<ByteVector> Base64Decode(std::string_view text);
/// The URL alphabet without padding (RFC 4648 section 5).
std::string Base64UrlEncode(Bytes bytes);
std::optional<ByteVector> Base64UrlDecode(std::string_view text);

/// Percent-encodes everything but RFC 3986's unreserved characters, and '/' when `keep_slash`; upper-case
/// hex.
std::string PercentEncode(std::string_view text, bool keep_slash = false);
/// Decodes %XX; with `plus_is_space` also '+'. Nothing when a % is not followed by two hex digits.
std::optional<std::string> PercentDecode(std::string_view text, bool plus_is_space = false);

}  // namespace entrepot
