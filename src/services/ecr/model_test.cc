// Every member of every input shape of ECR, wrong in every way that its table forbids: each must be answered
// with the right code and text (ecr-semantics 3.1, 3.3). The requests are made from the tables, the expected
// texts from the rules.

#include <functional>
#include <map>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "aws/decode.h"
#include "aws/json_codec.h"
#include "aws/operation.h"
#include "aws/validate.h"
#include "services/ecr/model.gen.h"

namespace entrepot::ecr {
namespace {

namespace json = boost::json;
using aws::Kind, aws::Member, aws::Shape, aws::ValidationStyle;

// A valid value of every expression in the model.
std::string SampleText(const Shape& shape) {
  static const std::map<std::string_view, std::string> samples = {
      {"CredentialArn", "arn:aws:secretsmanager:us-west-2:123456789012:secret:ecr-pullthroughcache/hub"},
      {"LayerDigest", "sha256:0123abcd"},
      {"Prefix", "team"},
      {"PrincipalArn", "arn:aws:iam::123456789012:role/puller"},
      {"PullThroughCacheRuleRepositoryPrefix", "docker-hub"},
      {"KmsKeyForRepositoryCreationTemplate", "arn:aws:kms:us-west-2:123456789012:key/0123-abcd"},
      {"Region", "us-west-2"},
      {"RegistryId", "123456789012"},
      {"RepositoryName", "team/app"},
      {"SigningProfileArn", "arn:aws:signer:us-west-2:123456789012:/signing-profiles/prod"},
      {"UploadId", "01234567-89ab-cdef-0123-456789abcdef"},
  };
  if (const auto found = samples.find(shape.name); found != samples.end()) return found->second;
  const auto least = shape.minimum == aws::kNoMinimum ? 0 : shape.minimum;
  return std::string(static_cast<std::size_t>(std::max<std::int64_t>(least, 1)), 'a');
}

json::value Sample(const Shape& shape) {
  switch (shape.kind) {
    case Kind::kString:
      return json::string(SampleText(shape));
    case Kind::kEnum:
      return json::string(shape.values.front());
    case Kind::kInteger:
    case Kind::kLong:
      return std::max<std::int64_t>(shape.minimum, 1);
    case Kind::kDouble:
      return 0.5;
    case Kind::kBoolean:
      return true;
    case Kind::kTimestamp:
      return 1663000000.5;
    case Kind::kBlob:
      return "AAEC";
    case Kind::kList:
      return json::array{Sample(*shape.element)};
    case Kind::kMap:
      return json::object{{SampleText(*shape.key), Sample(*shape.element)}};
    case Kind::kStructure:
      break;
  }
  json::object structure;
  for (const Member& member : shape.members) structure[member.name] = Sample(*member.shape);
  return structure;
}

Result<> Check(const aws::OperationModel& model, const json::value& request) {
  const std::string text = json::serialize(request);
  const aws::Document document = TRY(aws::ReadJson(text));
  const std::shared_ptr<void> structure = model.new_request();
  TRY(aws::Decode(*model.input, document.root(), structure.get()));
  return aws::Validate(*model.input, document.root(), aws::StyleOf(model));
}

/// One forbidden thing: where, and what must be said of it.
struct Wrong {
  std::string path;
  std::string constraint;   // family A; family B puts "Member " before what does not begin with it
  bool unreadable = false;  // of another type: SerializationException
};

class Mutator {
 public:
  /// `expect` is told of every wrong request that differs from the valid one in one place.
  Mutator(const Shape& root, std::function<void(const json::value&, const Wrong&)> expect)
      : expect_(std::move(expect)), request_(Sample(root)) {
    Structure(root, request_, "");
  }
  int count() const { return count_; }

 private:
  void Structure(const Shape& shape, json::value& place, const std::string& path) {
    for (const Member& member : shape.members) {
      const std::string below =
          path.empty() ? std::string(member.name) : path + "." + std::string(member.name);
      json::value& value = place.as_object()[member.name];
      if (member.required) Try(value, nullptr, {below, "Member must not be null"});
      Value(*member.shape, value, below);
    }
  }

  void Value(const Shape& shape, json::value& value, const std::string& path) {
    const bool textual =
        shape.kind == Kind::kString || shape.kind == Kind::kEnum || shape.kind == Kind::kBlob;
    Try(value, textual ? json::value(7) : json::value("text"), {path, "", true});
    if (shape.kind == Kind::kStructure) return Structure(shape, value, path);
    if (shape.kind == Kind::kEnum)
      return Try(
          value, "no such value",
          {path, fmt::format("Member must satisfy enum value set: [{}]", fmt::join(shape.values, ", "))});
    if (shape.minimum != aws::kNoMinimum) TooLittle(shape, value, path);
    if (shape.maximum != aws::kNoMaximum) TooMuch(shape, value, path);
    if (!shape.pattern.empty()) {
      const auto length = std::max<std::int64_t>({shape.minimum, 2, 0});
      Try(value, json::string(static_cast<std::size_t>(length), ' '),
          {path, fmt::format("must satisfy regular expression '{}'", shape.pattern)});
    }
    if (shape.kind == Kind::kList) Value(*shape.element, value.as_array().front(), path + ".1.member");
  }

  void TooLittle(const Shape& shape, json::value& value, const std::string& path) {
    const std::int64_t bound = shape.minimum;
    if (shape.kind == Kind::kInteger || shape.kind == Kind::kLong)
      return Try(value, bound - 1, {path, fmt::format("must be greater than or equal to {}", bound)});
    if (bound == 0) return;
    Try(value, OfLength(shape, value, bound - 1),
        {path, fmt::format("must have length greater than or equal to {}", bound)});
  }

  void TooMuch(const Shape& shape, json::value& value, const std::string& path) {
    const std::int64_t bound = shape.maximum;
    if (shape.kind == Kind::kInteger || shape.kind == Kind::kLong)
      return Try(value, bound + 1, {path, fmt::format("must be less than or equal to {}", bound)});
    Try(value, OfLength(shape, value, bound + 1),
        {path, fmt::format("must have length less than or equal to {}", bound)});
  }

  static json::value OfLength(const Shape& shape, const json::value& valid, std::int64_t length) {
    const auto size = static_cast<std::size_t>(length);
    if (shape.kind == Kind::kList)
      return size == 0 ? json::value(json::array())
                       : json::value(json::array(size, valid.as_array().front()));
    if (shape.kind == Kind::kBlob) return json::string((size + 2) / 3 * 4, 'A');
    return json::string(size, 'a');
  }

  void Try(json::value& place, json::value wrong, const Wrong& what) {
    std::swap(place, wrong);
    expect_(request_, what);
    std::swap(place, wrong);
    ++count_;
  }

  std::function<void(const json::value&, const Wrong&)> expect_;
  json::value request_;
  int count_ = 0;
};

void ExpectRefused(const aws::OperationModel& model, const Result<>& outcome, const Wrong& wrong) {
  SCOPED_TRACE(std::string(model.name) + " " + wrong.path + " " + wrong.constraint);
  ASSERT_FALSE(outcome);
  const Error& error = outcome.error();
  if (wrong.unreadable) {
    EXPECT_EQ(error.code(), ErrorCode::kMalformedRequest);
    return;
  }
  if (aws::StyleOf(model) == ValidationStyle::kInvalidParameter) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidParameter);
    EXPECT_EQ(error.fact("parameter"), wrong.path);
    EXPECT_EQ(error.fact("constraint"), wrong.constraint);
    return;
  }
  std::string member = wrong.constraint;
  if (member.starts_with("must satisfy regular expression '"))
    member = "Member must satisfy regular expression pattern: " + member.substr(33, member.size() - 34);
  else if (member.starts_with("must be "))
    member = "Member must have value " + member.substr(8);
  else if (!member.starts_with("Member "))
    member = "Member " + member;
  EXPECT_EQ(error.code(), ErrorCode::kValidation);
  EXPECT_NE(error.fact("detail").find("at '" + wrong.path + "' failed to satisfy constraint: " + member),
            std::string_view::npos)
      << error.fact("detail");
}

TEST(EcrModel, EveryForbiddenValueOfEveryOperationIsRefusedWithItsText) {
  int tried = 0;
  for (const aws::OperationModel* model : model::kService.operations) {
    const Result<> valid = Check(*model, Sample(*model->input));
    EXPECT_TRUE(valid) << model->name << ": " << valid.error().ToString();
    tried += Mutator(*model->input, [&](const json::value& request, const Wrong& wrong) {
               ExpectRefused(*model, Check(*model, request), wrong);
             }).count();
  }
  EXPECT_GT(tried, 500);
}

TEST(EcrModel, TheOperationsAreThe58OfTheDocuments) {
  EXPECT_EQ(model::kService.operations.size(), 58u);
  EXPECT_EQ(model::kService.target_prefix, "AmazonEC2ContainerRegistry_V20150921");
  EXPECT_EQ(model::kService.signing_name, "ecr");
}

TEST(EcrModel, EnumsAreSpelledAsAwsDoes) {
  EXPECT_EQ(ToString(ImageTagMutability::kImmutableWithExclusion), "IMMUTABLE_WITH_EXCLUSION");
  EXPECT_EQ(ToString(UpstreamRegistry::kDockerHub), "docker-hub");
  EXPECT_EQ(ToString(ImageFailureCode::kImageReferencedByManifestList), "ImageReferencedByManifestList");
}

TEST(EcrModel, PutImageKnowsTheExpressionsThatTheModelLacks) {
  const auto refused = [](json::object request) {
    request["repositoryName"] = "team/app", request["imageManifest"] = "{}";
    const Result<> outcome = Check(model::kPutImage, request);
    return outcome ? std::string() : outcome.error().ToString();
  };
  EXPECT_EQ(
      refused({{"imageTag", "v 1"}}),
      "InvalidParameter parameter=imageTag constraint=must satisfy regular expression '[a-zA-Z0-9-_.]+'");
  EXPECT_EQ(refused({{"imageDigest", "sha256"}}),
            "InvalidParameter parameter=imageDigest constraint=must satisfy regular expression "
            "'[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'");
  EXPECT_EQ(refused({{"imageTag", "v1"}, {"imageDigest", "sha256:ab"}}), "");
}

}  // namespace
}  // namespace entrepot::ecr
