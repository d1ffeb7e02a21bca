// Runs tests/cases/policy/*.case; basics.case explains the form.

#include <filesystem>
#include <fstream>
#include <optional>

#include <gtest/gtest.h>

#include "access/decide.h"
#include "access/request_context.h"

namespace entrepot::access {
namespace {

struct Case {
  std::string name;
  std::vector<PolicyPtr> identity, resource;
  std::string refused;  // why the last policy was not taken
  Caller caller{AccountId::Trusted("123456789012"), "AIDAEXAMPLEALICE0000",
                "arn:aws:iam::123456789012:user/alice", "alice", "AKIAEXAMPLE"};
};

// The first word, or the text in quotes behind '='.
std::string TakeWord(std::string& line) {
  std::size_t end = line.find(' ');
  const std::size_t quote = line.find("=\"");
  std::string word;
  if (quote != line.npos && quote < end) {
    end = line.find('"', quote + 2);
    word = line.substr(0, quote + 1) + line.substr(quote + 2, end - quote - 2);
    ++end;
  } else {
    word = line.substr(0, end);
  }
  line.erase(0, end == line.npos ? line.size() : end + 1);
  return word;
}

void Expect(const Case& current, const std::string& expected, std::string rest) {
  ASSERT_EQ(current.refused, "");
  const std::string action = TakeWord(rest), resource = TakeWord(rest);
  RequestFacts facts{.time = {1'700'000'000'000'000}};
  while (!rest.empty()) {
    const std::string word = TakeWord(rest);
    const std::size_t equals = word.find('=');
    ASSERT_NE(equals, word.npos) << word;
    facts.keys.emplace_back(word.substr(0, equals), word.substr(equals + 1));
  }
  const Context context = ContextOf(current.caller, facts);
  const Question question{
      current.caller.arn, current.caller.unique_id, current.caller.account, action, resource, &context};
  const Verdict verdict = Decide(question, current.identity, current.resource);
  const char* kOutcomes[] = {"allow", "deny", "implicit"};
  EXPECT_EQ(kOutcomes[static_cast<int>(verdict.outcome)], expected);
}

void AddPolicy(Case& current, PolicyKind kind, const std::string& text) {
  Result<PolicyDocument> policy = PolicyDocument::Parse(text, kind);
  if (!policy) {
    current.refused = policy.error().fact("constraint");
    EXPECT_NE(current.refused, "");
    return;
  }
  (kind == PolicyKind::kIdentity ? current.identity : current.resource)
      .push_back(std::make_shared<const PolicyDocument>(*std::move(policy)));
}

// Returns how many expectations the file holds.
int RunFile(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::string line;
  Case current;
  std::optional<PolicyKind> open;  // the kind of policy whose text is being read
  std::string text;
  int expectations = 0, number = 0;
  while (std::getline(in, line)) {
    SCOPED_TRACE(file.filename().string() + ":" + std::to_string(++number) + ": " + current.name);
    if (line.empty() || line.starts_with('#')) continue;
    if (open && (line[0] == '{' || line[0] == ' ')) {
      text += line;
      continue;
    }
    if (open) AddPolicy(current, *std::exchange(open, std::nullopt), std::exchange(text, {}));
    const std::string word = TakeWord(line);
    if (word == "case") {
      current = Case{.name = line};
    } else if (word == "policy") {
      open = line == "identity" ? PolicyKind::kIdentity : PolicyKind::kResource;
    } else if (word == "caller") {
      current.caller.arn = TakeWord(line);
      current.caller.unique_id = TakeWord(line);
    } else if (word == "refused") {
      EXPECT_NE(current.refused.find(line), std::string::npos) << "refused with: '" << current.refused << "'";
      ++expectations;
    } else {
      Expect(current, word, line);
      ++expectations;
    }
  }
  return expectations;
}

TEST(Policies, Cases) {
  int files = 0, expectations = 0;
  for (const auto& entry : std::filesystem::directory_iterator(ENTREPOT_SOURCE_DIR "/tests/cases/policy")) {
    if (entry.path().extension() != ".case") continue;
    const int count = RunFile(entry.path());
    EXPECT_GT(count, 0) << entry.path();
    expectations += count;
    ++files;
  }
  EXPECT_GE(files, 5);
  EXPECT_GE(expectations, 120);
}

PolicyPtr Policy(std::string_view text, PolicyKind kind = PolicyKind::kIdentity) {
  return std::make_shared<const PolicyDocument>(PolicyDocument::Parse(text, kind).value());
}

TEST(Policies, TheReasonIsEcrsText) {
  using Outcome = Verdict::Outcome;
  EXPECT_EQ(ReasonText({Outcome::kDeniedImplicitly, PolicyKind::kIdentity}, "ecr:PutImage"),
            "because no identity-based policy allows the ecr:PutImage action");
  EXPECT_EQ(ReasonText({Outcome::kDeniedImplicitly, PolicyKind::kResource}, "ecr:PutImage"),
            "because no resource-based policy allows the ecr:PutImage action");
  EXPECT_EQ(ReasonText({Outcome::kDeniedExplicitly, PolicyKind::kIdentity}, "ecr:PutImage"),
            "with an explicit deny in an identity-based policy");
  EXPECT_EQ(ReasonText({Outcome::kDeniedExplicitly, PolicyKind::kResource}, "ecr:PutImage"),
            "with an explicit deny in a resource-based policy");
}

TEST(Policies, KeysAskedAreThoseOfStatementsThatCoverTheAction) {
  const std::vector<PolicyPtr> policies{Policy(R"({"Version":"2012-10-17","Statement":[
      {"Effect":"Deny","Action":"ecr:Put*","Resource":"arn:aws:ecr:*:*:repository/${aws:username}",
       "Condition":{"StringEquals":{"aws:ResourceTag/Team":"${aws:PrincipalTag/Team}"}}},
      {"Effect":"Allow","Action":"ecr:Get*","Resource":"*","Condition":{"DateLessThan":{"aws:CurrentTime":"2030-01-01"}}}]})")};
  EXPECT_EQ(KeysAsked("ecr:PutImage", policies),
            (std::vector<std::string>{"aws:principaltag/team", "aws:resourcetag/team", "aws:username"}));
  EXPECT_FALSE(DependsOnTime(KeysAsked("ecr:PutImage", policies)));
  EXPECT_TRUE(DependsOnTime(KeysAsked("ecr:GetAuthorizationToken", policies)));
  EXPECT_TRUE(KeysAsked("ecr:DeleteRepository", policies).empty());
}

}  // namespace
}  // namespace entrepot::access
