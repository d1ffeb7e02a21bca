#include "aws/validate.h"

#include <algorithm>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>

#include <fmt/format.h>
#include <re2/re2.h>

#include "aws/text.h"
#include "base/check.h"
#include "base/encoding.h"

namespace entrepot::aws {
namespace {

/// AWS's expressions, each compiled once. They are those of the tables, so their text never moves.
class Expressions {
 public:
  const re2::RE2& Compiled(std::string_view pattern) {
    {
      std::shared_lock lock(mutex_);
      if (const auto found = compiled_.find(pattern.data()); found != compiled_.end()) return *found->second;
    }
    std::unique_lock lock(mutex_);
    auto& expression = compiled_[pattern.data()];
    if (!expression) expression = std::make_unique<re2::RE2>(ToRe2(pattern), re2::RE2::Quiet);
    CHECK(expression->ok());
    return *expression;
  }

 private:
  // AWS writes \u00FF where RE2 writes \x{00FF}.
  static std::string ToRe2(std::string_view pattern) {
    std::string text;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
      if (pattern.substr(i, 2) == "\\u") {
        text.append("\\x{").append(pattern.substr(i + 2, 4)).append("}");
        i += 5;
      } else if (pattern[i] == '\\') {
        text.append(pattern.substr(i++, 2));
      } else {
        text += pattern[i];
      }
    }
    return text;
  }

  std::shared_mutex mutex_;
  std::unordered_map<const char*, std::unique_ptr<re2::RE2>> compiled_;
};

Expressions& TheExpressions() {
  static Expressions expressions;
  return expressions;
}

/// One violated rule, in the words of both families.
struct Violation {
  std::string path;
  std::string value;              // " 'x'", or nothing
  std::string constraint;         // family A
  std::string member_constraint;  // family B
};

class Validator {
 public:
  explicit Validator(ValidationStyle style) : style_(style) {}

  void Structure(const Shape& shape, const Node& node) {
    for (const Member& member : shape.members) {
      const Node* value = node.Find(member.name);
      const Step step(*this, member.name);
      if (value)
        Value(*member.shape, *value);
      else if (member.required)
        Add(*member.shape, nullptr, "Member must not be null", "Member must not be null");
    }
  }

  Result<> Answer() const {
    if (violations_.empty()) return {};
    if (style_ == ValidationStyle::kInvalidParameter)
      return Fail(Error(ErrorCode::kInvalidParameter)
                      .With("parameter", violations_.front().path)
                      .With("constraint", violations_.front().constraint));
    return Fail(ErrorCode::kValidation, Sentence());
  }

 private:
  // Nobody reads further, and a request must not buy a far longer answer.
  static constexpr std::size_t kMaxViolations = 20, kMaxShownValue = 512;

  /// Extends the path of the member that is looked at.
  class Step {
   public:
    Step(Validator& validator, std::string_view name) : path_(validator.path_), length_(path_.size()) {
      if (!path_.empty()) path_ += '.';
      path_ += name;
      if (validator.style_ == ValidationStyle::kQueryValidation && name.front() >= 'A' && name.front() <= 'Z')
        path_[path_.size() - name.size()] += 'a' - 'A';
    }
    Step(const Step&) = delete;
    ~Step() { path_.resize(length_); }

   private:
    std::string& path_;
    const std::size_t length_;
  };

  void Value(const Shape& shape, const Node& node) {
    switch (shape.kind) {
      case Kind::kString:
        return String(shape, node);
      case Kind::kEnum:
        return Enum(shape, node);
      case Kind::kInteger:
      case Kind::kLong:
        return Number(shape, node);
      case Kind::kBlob:
        return Length(shape, Base64DecodedLength(node.text), nullptr);
      case Kind::kList:
        return List(shape, node);
      case Kind::kMap:
        return Map(shape, node);
      case Kind::kStructure:
        return Structure(shape, node);
      case Kind::kDouble:
      case Kind::kBoolean:
      case Kind::kTimestamp:
        return;
    }
  }

  void String(const Shape& shape, const Node& node) {
    Length(shape, CountCodePoints(node.text), &node);
    if (!shape.pattern.empty() && !re2::RE2::FullMatch(re2::StringPiece(node.text.data(), node.text.size()),
                                                       TheExpressions().Compiled(shape.pattern)))
      Add(shape, &node, fmt::format("must satisfy regular expression '{}'", shape.pattern),
          fmt::format("Member must satisfy regular expression pattern: {}", shape.pattern));
    if (node.text.contains('\0'))  // the store takes no such text
      Add(shape, &node, "must not contain U+0000", "Member must not contain U+0000");
  }

  void Enum(const Shape& shape, const Node& node) {
    if (std::ranges::find(shape.values, node.text) != shape.values.end()) return;
    const std::string constraint =
        fmt::format("Member must satisfy enum value set: [{}]", fmt::join(shape.values, ", "));
    Add(shape, &node, constraint, constraint);
  }

  void Number(const Shape& shape, const Node& node) {
    if (node.integer < shape.minimum) Bound(shape, node, "greater", shape.minimum);
    if (node.integer > shape.maximum) Bound(shape, node, "less", shape.maximum);
  }

  void Bound(const Shape& shape, const Node& node, std::string_view side, std::int64_t bound) {
    Add(shape, &node, fmt::format("must be {} than or equal to {}", side, bound),
        fmt::format("Member must have value {} than or equal to {}", side, bound));
  }

  void List(const Shape& shape, const Node& node) {
    std::int64_t index = 0;
    for (const Node& child : node.children) {
      if (child.kind == NodeKind::kNull) continue;
      const std::string position = std::to_string(++index);
      const Step step(*this, position);
      const Step member(*this, "member");
      Value(*shape.element, child);
    }
    Length(shape, index, nullptr);
  }

  void Map(const Shape& shape, const Node& node) {
    std::int64_t size = 0;
    for (const Node& child : node.children) {
      if (child.kind == NodeKind::kNull) continue;
      ++size;
      const Step step(*this, "member");
      Value(*shape.key, Node{.kind = NodeKind::kText, .text = child.name});
      Value(*shape.element, child);
    }
    Length(shape, size, nullptr);
  }

  void Length(const Shape& shape, std::int64_t length, const Node* shown) {
    if (length < shape.minimum) LengthBound(shape, shown, "greater", shape.minimum);
    if (length > shape.maximum) LengthBound(shape, shown, "less", shape.maximum);
  }

  void LengthBound(const Shape& shape, const Node* shown, std::string_view side, std::int64_t bound) {
    const std::string constraint = fmt::format("must have length {} than or equal to {}", side, bound);
    Add(shape, shown, constraint, "Member " + constraint);
  }

  // " 'x'", or nothing for what is absent, secret or no scalar.
  static std::string Shown(const Shape& shape, const Node* node) {
    if (!node || shape.sensitive) return {};
    if (node->kind == NodeKind::kInteger) return fmt::format(" '{}'", node->integer);
    return fmt::format(" '{}'", Abridged(node->text, kMaxShownValue));
  }

  void Add(const Shape& shape, const Node* shown, std::string constraint, std::string member_constraint) {
    if (violations_.size() < kMaxViolations)
      violations_.push_back(
          {path_, Shown(shape, shown), std::move(constraint), std::move(member_constraint)});
  }

  std::string Sentence() const {
    std::string text = fmt::format("{} validation error{} detected: ", violations_.size(),
                                   violations_.size() == 1 ? "" : "s");
    for (const Violation& violation : violations_)
      text += fmt::format("{}Value{} at '{}' failed to satisfy constraint: {}",
                          &violation == violations_.data() ? "" : "; ", violation.value, violation.path,
                          violation.member_constraint);
    return text;
  }

  const ValidationStyle style_;
  std::string path_;
  std::vector<Violation> violations_;
};

}  // namespace

ValidationStyle StyleOf(const OperationModel& model) {
  const bool ordinary = model.Declares("ValidationException") || !model.Declares("InvalidParameterException");
  return ordinary ? ValidationStyle::kValidation : ValidationStyle::kInvalidParameter;
}

Result<> Validate(const Shape& shape, const Node& node, ValidationStyle style) {
  Validator validator(style);
  validator.Structure(shape, node);
  return validator.Answer();
}

void PrepareExpressions(const Shape& shape) {
  if (!shape.pattern.empty()) TheExpressions().Compiled(shape.pattern);
  for (const Shape* part : {shape.key, shape.element})
    if (part) PrepareExpressions(*part);
  for (const Member& member : shape.members) PrepareExpressions(*member.shape);
}

}  // namespace entrepot::aws
