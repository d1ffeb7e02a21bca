#include "access/pattern.h"

#include <algorithm>
#include <array>

namespace entrepot::access {
namespace {

constexpr char16_t kAny = 0x100, kAnyInPart = 0x101, kOne = 0x102, kOneInPart = 0x103;

bool IsLiteral(char16_t element) { return element < kAny; }
bool IsAny(char16_t element) { return element == kAny || element == kAnyInPart; }
bool IsContinuation(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}  // of a UTF-8 character

char16_t Folded(char16_t c) { return c >= 'A' && c <= 'Z' ? static_cast<char16_t>(c - 'A' + 'a') : c; }

bool SameCharacter(char16_t element, char c, Case sensitivity) {
  const auto byte = static_cast<char16_t>(static_cast<unsigned char>(c));
  return element == byte || (sensitivity == Case::kIgnored && Folded(element) == Folded(byte));
}

// Whether `element`, consuming exactly `c`, goes on to the next element.
bool Steps(char16_t element, char c, Case sensitivity) {
  if (element == kOne) return true;
  if (element == kOneInPart) return c != ':';
  return SameCharacter(element, c, sensitivity);
}

// All positions in the pattern that the text so far can have led to.
class Positions {
 public:
  explicit Positions(GlobView glob) : glob_(glob), reached_(glob.size() + 1) { Reach(0, reached_); }

  /// False when none is left.
  bool Consume(char c, Case sensitivity) {
    std::vector<char> next(reached_.size());
    bool some = false;
    for (std::size_t i = 0; i < reached_.size(); ++i) {
      if (!reached_[i]) continue;
      if (i > 0 && IsContinuation(c) && (glob_[i - 1] == kOne || glob_[i - 1] == kOneInPart))
        some = Reach(i, next);
      if (i == glob_.size()) continue;
      if (IsAny(glob_[i])) {
        if (glob_[i] == kAny || c != ':') some = Reach(i, next);
      } else if (Steps(glob_[i], c, sensitivity)) {
        some = Reach(i + 1, next);
      }
    }
    reached_.swap(next);
    return some;
  }
  bool AtEnd() const { return reached_.back() != 0; }

 private:
  // A run may be empty, so to reach it is to reach what follows.
  bool Reach(std::size_t i, std::vector<char>& into) const {
    into[i] = 1;
    while (i < glob_.size() && IsAny(glob_[i])) into[++i] = 1;
    return true;
  }

  GlobView glob_;
  std::vector<char> reached_;
};

template <class View>
std::array<View, 6> SplitArn(View text, bool& whole) {
  std::array<View, 6> parts{};
  whole = true;
  for (int i = 0; i < 5; ++i) {
    const std::size_t colon = text.find(':');
    if (colon == View::npos) {
      whole = false;
      return parts;
    }
    parts[i] = text.substr(0, colon);
    text.remove_prefix(colon + 1);
  }
  parts[5] = text;
  return parts;
}

// Compiles text without variables onto `glob`. `last` says whether `text` ends the pattern.
void AppendText(Glob& glob, std::string_view text, Wildcards wildcards, bool last) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool ends_part = i + 1 < text.size() ? text[i + 1] == ':' : last;
    if (wildcards == Wildcards::kLiteral || (c != '*' && c != '?'))
      glob += static_cast<char16_t>(static_cast<unsigned char>(c));
    else if (c == '*')
      glob += wildcards == Wildcards::kText || ends_part ? kAny : kAnyInPart;
    else
      glob += wildcards == Wildcards::kText ? kOne : kOneInPart;
  }
}

void AppendLiteral(Glob& glob, std::string_view text) { AppendText(glob, text, Wildcards::kLiteral, false); }

std::string_view Trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

}  // namespace

bool Matches(GlobView glob, std::string_view text, Case sensitivity) {
  while (!glob.empty() &&
         IsLiteral(glob.front())) {  // most patterns differ, or are equal, before any wildcard
    if (text.empty() || !SameCharacter(glob.front(), text.front(), sensitivity)) return false;
    glob.remove_prefix(1);
    text.remove_prefix(1);
  }
  if (glob.empty()) return text.empty();
  if (glob.size() == 1 && glob.front() == kAny) return true;
  Positions positions(glob);
  return std::ranges::all_of(text, [&](char c) { return positions.Consume(c, sensitivity); }) &&
         positions.AtEnd();
}

bool MatchesArn(GlobView glob, std::string_view arn) {
  bool glob_whole = false, arn_whole = false;
  const auto globs = SplitArn(glob, glob_whole);
  const auto parts = SplitArn(arn, arn_whole);
  if (!glob_whole || !arn_whole) return false;
  for (std::size_t i = 0; i < parts.size(); ++i)
    if (!Matches(globs[i], parts[i])) return false;
  return true;
}

Result<Pattern> Pattern::Parse(std::string_view text, Wildcards wildcards, Variables variables) {
  Pattern pattern;
  Piece piece;
  while (true) {
    const std::size_t open = variables == Variables::kSubstituted ? text.find("${") : text.npos;
    AppendText(piece.fixed, text.substr(0, open), wildcards, open == text.npos);
    if (open == text.npos) break;
    const std::size_t close = text.find('}', open);
    if (close == text.npos) return MalformedPolicy("A policy variable is not closed: " + std::string(text));
    const std::string_view name = text.substr(open + 2, close - open - 2);
    text.remove_prefix(close + 1);
    if (name == "*" || name == "?" || name == "$") {  // a literal character, written as a variable
      AppendLiteral(piece.fixed, name);
      continue;
    }
    const std::size_t comma = name.find(',');
    piece.key = LowerCase(Trim(name.substr(0, comma)));
    if (piece.key.empty()) return MalformedPolicy("A policy variable has no name");
    if (comma != name.npos) {
      const std::string_view otherwise = Trim(name.substr(comma + 1));
      if (otherwise.size() < 2 || otherwise.front() != '\'' || otherwise.back() != '\'')
        return MalformedPolicy("The default of a policy variable must be in single quotes");
      piece.otherwise = otherwise.substr(1, otherwise.size() - 2);
    }
    pattern.pieces_.push_back(std::exchange(piece, {}));
  }
  pattern.pieces_.push_back(std::move(piece));
  return pattern;
}

std::optional<Glob> Pattern::Resolve(const Context& context) const {
  Glob glob;
  for (const Piece& piece : pieces_) {
    glob += piece.fixed;
    if (piece.key.empty()) continue;
    const auto* values = context.Find(piece.key);
    if (values && values->size() == 1)
      AppendLiteral(glob, values->front());
    else if (!values && piece.otherwise)
      AppendLiteral(glob, *piece.otherwise);
    else
      return std::nullopt;
  }
  return glob;
}

void Pattern::CollectKeys(std::vector<std::string>& keys) const {
  for (const Piece& piece : pieces_)
    if (!piece.key.empty()) keys.push_back(piece.key);
}

std::unexpected<Error> MalformedPolicy(std::string why) {
  return Fail(Error(ErrorCode::kInvalidParameter)
                  .With("parameter", "PolicyDocument")
                  .With("constraint", std::move(why)));
}

}  // namespace entrepot::access
