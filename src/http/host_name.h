#pragma once

// The anchored grammar of a Host that is believed (design-access 4). Pure.

#include <string_view>

namespace entrepot::http {

/// A lower-case host name, an IPv4 address or a bracketed IPv6 address, with or without a port; no user
/// information, no dot at the end.
bool IsHostName(std::string_view text);

}  // namespace entrepot::http
