#include "base/names.h"

#include <algorithm>

namespace entrepot {
namespace {

bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLowerOrDigit(char c) { return IsLower(c) || IsDigit(c); }
bool IsTagCharacter(char c) {
  return IsLowerOrDigit(c) || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.';
}

// [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*
bool IsPathComponent(std::string_view text) {
  std::size_t i = 0;
  for (;;) {
    const std::size_t word = i;
    while (i < text.size() && IsLowerOrDigit(text[i])) ++i;
    if (i == word) return false;
    if (i == text.size()) return true;
    if (text[i] == '-') {
      while (i < text.size() && text[i] == '-') ++i;
    } else if (text[i] == '.') {
      ++i;
    } else if (text[i] == '_') {
      ++i;
      if (i < text.size() && text[i] == '_') ++i;
    } else {
      return false;
    }
  }
}

std::unexpected<Error> Bad(std::string_view parameter, std::string constraint) {
  return Fail(Error(ErrorCode::kInvalidParameter)
                  .With("parameter", std::string(parameter))
                  .With("constraint", std::move(constraint)));
}

}  // namespace

template <>
Result<RepositoryName> RepositoryName::Parse(std::string_view text) {
  constexpr std::string_view kParameter = "repositoryName";
  if (text.size() < 2) return Bad(kParameter, "must have length greater than or equal to 2");
  if (text.size() > 256) return Bad(kParameter, "must have length less than or equal to 256");
  for (std::string_view rest = text;;) {
    const std::size_t slash = rest.find('/');
    if (!IsPathComponent(rest.substr(0, slash)))
      return Bad(kParameter,
                 "must satisfy regular expression "
                 "'[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*(\\/[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*)*'");
    if (slash == rest.npos) return RepositoryName(std::string(text));
    rest.remove_prefix(slash + 1);
  }
}

template <>
Result<ImageTag> ImageTag::Parse(std::string_view text) {
  constexpr std::string_view kParameter = "imageTag";
  if (text.empty()) return Bad(kParameter, "must have length greater than or equal to 1");
  if (text.size() > 300) return Bad(kParameter, "must have length less than or equal to 300");
  if (!std::ranges::all_of(text, IsTagCharacter))
    return Bad(kParameter, "must satisfy regular expression '[a-zA-Z0-9-_.]+'");
  return ImageTag(std::string(text));
}

template <>
Result<AccountId> AccountId::Parse(std::string_view text) {
  if (text.size() != 12 || !std::ranges::all_of(text, IsDigit))
    return Bad("registryId", "must satisfy regular expression '[0-9]{12}'");
  return AccountId(std::string(text));
}

template <>
Result<Region> Region::Parse(std::string_view text) {
  int words = 0;
  bool number = false;
  bool good = text.size() <= 32;
  for (std::string_view rest = text; good;) {
    const std::size_t dash = rest.find('-');
    const std::string_view word = rest.substr(0, dash);
    number = !word.empty() && std::ranges::all_of(word, IsDigit);
    good = !word.empty() && std::ranges::all_of(word, IsLowerOrDigit);
    ++words;
    if (dash == rest.npos) break;
    rest.remove_prefix(dash + 1);
  }
  if (!good || words < 2 || !number || !IsLower(text[0]))
    return Bad("region", "must be the name of a region such as us-west-2");
  return Region(std::string(text));
}

bool IsOciTag(std::string_view text) {
  return !text.empty() && text.size() <= 128 && text[0] != '.' && text[0] != '-' &&
         std::ranges::all_of(text, IsTagCharacter);
}

}  // namespace entrepot
