#pragma once

// "Did you mean": the known word that a mistyped one is closest to.

#include <span>
#include <string_view>

namespace entrepot::server {

/// "" when no word is within a third of the length of `typed`.
std::string_view NearestWord(std::string_view typed, std::span<const std::string_view> words);

}  // namespace entrepot::server
