// A policy document, and behind a NUL what it is asked: an action, a resource and the value of a condition
// key, one a line. Parsing and deciding must neither crash nor hang, and what a policy of another kind
// refuses it must not allow.

#include <algorithm>
#include <array>
#include <cstdint>

#include "access/decide.h"
#include "base/bytes.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace entrepot;
  using namespace entrepot::access;
  if (size > 4096) return 0;
  const std::string_view input = AsText({data, size});
  const std::size_t end = std::min(input.find('\0'), input.size());
  std::string_view rest = input.substr(std::min(end + 1, input.size()));
  std::array<std::string_view, 3> lines;
  for (std::string_view& line : lines) {
    line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
  }
  Context context;
  context.Add("aws:username", std::string(lines[2]));
  context.Add("x", std::string(lines[2]));
  context.Add("x", "another");
  const Question question{"arn:aws:iam::123456789012:user/alice",
                          "AIDAEXAMPLEALICE0000",
                          "123456789012",
                          lines[0],
                          lines[1],
                          &context};
  for (const PolicyKind kind : {PolicyKind::kIdentity, PolicyKind::kResource}) {
    Result<PolicyDocument> parsed = PolicyDocument::Parse(input.substr(0, end), kind);
    if (!parsed) {
      CHECK(parsed.error().code() == ErrorCode::kInvalidParameter);
      continue;
    }
    const std::vector<PolicyPtr> policies{std::make_shared<const PolicyDocument>(*std::move(parsed))};
    const bool identity = kind == PolicyKind::kIdentity;
    const Verdict verdict = identity ? Decide(question, policies, {}) : Decide(question, {}, policies);
    const bool some_allow = std::ranges::any_of(policies[0]->statements(), &Statement::allows);
    CHECK(!verdict.allowed() || some_allow);
    (void)KeysAsked(question.action, policies);
    (void)ReasonText(verdict, question.action);
  }
  return 0;
}
