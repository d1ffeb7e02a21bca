#include "registry/referrers.h"

#include <fmt/format.h>

#include "access/heed_denial.h"
#include "services/ecr/image_status.h"
#include "services/ecr/naming.h"

namespace entrepot::ecr {
namespace {

constexpr int kDefaultReferrersPage = 20;  // ecr-semantics 4.0

ImageReferrer ToAnswer(registry::Referrer referrer) {
  ImageReferrer answer{.annotations = std::nullopt,
                       .artifact_status = ToShape<ArtifactStatus>(referrer.status),
                       .artifact_type = std::nullopt,
                       .digest = referrer.digest.ToString(),
                       .media_type = std::move(referrer.media_type),
                       .size = referrer.size};
  if (!referrer.artifact_type.empty()) answer.artifact_type = std::move(referrer.artifact_type);
  if (!referrer.annotations.empty())
    answer.annotations.emplace(std::make_move_iterator(referrer.annotations.begin()),
                               std::make_move_iterator(referrer.annotations.end()));
  return answer;
}

// The name of the list for its page tokens: repository, subject and filter.
std::string ListName(const registry::Repository& repository, std::string_view subject,
                     ArtifactStatusFilter status, const std::vector<std::string>& types) {
  std::string name = fmt::format("ListImageReferrers {} {} {}", static_cast<std::int64_t>(repository.id),
                                 subject, static_cast<int>(status));
  for (const std::string& type : types) name += fmt::format(" {}:{}", type.size(), type);
  return name;
}

}  // namespace

Result<ListImageReferrersResponse> ListImageReferrers(Ecr& ecr, const aws::CallContext& call,
                                                      const ListImageReferrersRequest& request) {
  const RegistryName registry = RegistryOf(call, request.registry_id);
  TRY(access::HeedDenial(ecr.access, *call.caller, "ecr:ListImageReferrers",
                         RepositoryArn(registry, request.repository_name), call.facts));
  const registry::RepositoryPtr repository = TRY(FindRepository(ecr, call, request));
  const std::string& subject_text = request.subject_id.image_digest;
  const std::optional<Digest> subject = TRY(ReadDigest("subjectId.imageDigest", subject_text));
  const ListImageReferrersFilter filter = request.filter.value_or(ListImageReferrersFilter{});
  const auto status = filter.artifact_status.value_or(ArtifactStatusFilter::kActive);
  const auto types = filter.artifact_types.value_or(std::vector<std::string>{});
  const std::string list = ListName(*repository, subject_text, status, types);
  const PageRequest page_request{
      .limit = static_cast<int>(request.max_results.value_or(kDefaultReferrersPage)),
      .after = TRY(OpenNextToken(ecr, list, request.next_token))};

  ListImageReferrersResponse answer{.next_token = std::nullopt, .referrers = std::vector<ImageReferrer>{}};
  if (!subject) return answer;  // nothing can name a digest that is none of ours
  auto page = TRY(
      ecr.referrers.List(*repository, *subject, {types, FromFilter(filter.artifact_status)}, page_request));
  for (registry::Referrer& referrer : page.entries)
    answer.referrers->push_back(ToAnswer(std::move(referrer)));
  if (!page.next.empty()) answer.next_token = SealNextToken(ecr, list, page.next);
  return answer;
}

}  // namespace entrepot::ecr
