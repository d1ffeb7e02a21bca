#include "oci/parameters.h"

#include <algorithm>
#include <charconv>

namespace entrepot::oci {
namespace {

/// Every value of a parameter that may repeat.
std::vector<std::string> ReadAll(std::string_view query, std::string_view name) {
  std::vector<std::string> values;
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    if (std::optional<std::string> value = http::QueryParameter(pair, name))
      values.push_back(*std::move(value));
  }
  return values;
}

Result<std::optional<Digest>> ReadDigest(const http::RequestHead& head, std::string_view name) {
  const std::optional<std::string> text = http::QueryParameter(head.query, name);
  if (!text) return std::nullopt;
  return TRY(Digest::Parse(*text));
}

Result<HashAlgorithm> ReadAlgorithm(const http::RequestHead& head) {
  const std::string name = http::QueryParameter(head.query, "digest-algorithm").value_or("sha256");
  if (name == "sha256") return HashAlgorithm::kSha256;
  if (name == "sha512") return HashAlgorithm::kSha512;
  return Fail(Error(ErrorCode::kDigestInvalid).With("digest", name));
}

Result<> ReadMount(const http::RequestHead& head, Parameters& parameters) {
  parameters.mount = TRY(ReadDigest(head, "mount"));
  const std::optional<std::string> from = http::QueryParameter(head.query, "from");
  if (!from) return {};
  if (Result<RepositoryName> name = RepositoryName::Parse(*from))
    parameters.from = *std::move(name);
  else
    parameters.mount.reset();  // nothing there
  return {};
}

Result<> ReadContentRange(const http::RequestHead& head, Parameters& parameters) {
  if (!head.HasHeader("Content-Range")) return {};
  parameters.content_range = http::ParseContentRange(head.Header("Content-Range"));
  if (!parameters.content_range) return Fail(ErrorCode::kUploadRangeInvalid, "it must be <first>-<last>");
  const std::optional<std::uint64_t> length = head.chunked ? std::nullopt : head.content_length;
  if (length && *length != parameters.content_range->length())
    return Fail(ErrorCode::kUploadRangeInvalid, "its length differs from the body's");
  return {};
}

Result<> ReadUpload(const http::RequestHead& head, Parameters& parameters) {
  parameters.state = http::QueryParameter(head.query, "_state").value_or("");
  if (head.method == http::Method::kPatch || head.method == http::Method::kPut)
    TRY(ReadContentRange(head, parameters));
  if (head.method != http::Method::kPut) return {};
  parameters.digest = TRY(ReadDigest(head, "digest"));
  if (!parameters.digest) return Fail(Error(ErrorCode::kDigestInvalid).With("digest", ""));
  return {};
}

Result<int> ParseLimit(std::string_view text) {
  int limit = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), limit);
  const bool whole = end == text.data() + text.size() && !text.empty();
  if (whole && fault == std::errc::result_out_of_range && text.front() != '-') return kMaxPage;
  if (!whole || fault != std::errc() || limit < 0)
    return Fail(Error(ErrorCode::kInvalidParameter)
                    .With("parameter", "n")
                    .With("constraint", "must be a number that is not negative"));
  return std::min(limit, kMaxPage);
}

Result<> ReadPage(const http::RequestHead& head, Parameters& parameters) {
  if (const auto limit = http::QueryParameter(head.query, "n")) parameters.limit = TRY(ParseLimit(*limit));
  parameters.last = http::QueryParameter(head.query, "last").value_or("");
  const auto printable = [](char c) { return c >= ' ' && c <= '~'; };
  if (!std::ranges::all_of(parameters.last, printable)) return Fail(ErrorCode::kInvalidPageToken);
  return {};
}

Result<> ReadReferrers(const http::RequestHead& head, Parameters& parameters) {
  TRY(ReadPage(head, parameters));
  if (!parameters.last.empty() && !Digest::Parse(parameters.last)) return Fail(ErrorCode::kInvalidPageToken);
  parameters.artifact_types = ReadAll(head.query, "artifactType");
  return {};
}

Result<> CheckNewTag(const ImageTag& tag) {
  if (IsOciTag(tag)) return {};
  return Fail(Error(ErrorCode::kInvalidParameter)
                  .With("parameter", "imageTag")
                  .With("constraint", "must satisfy regular expression '[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}'"));
}

/// A manifest that is put by its digest may bring tags.
Result<> ReadNewTags(const Route& route, const http::RequestHead& head, Parameters& parameters) {
  if (route.tag) return CheckNewTag(*route.tag);
  for (const std::string& text : ReadAll(head.query, "tag")) {
    parameters.tags.push_back(TRY(ImageTag::Parse(text)));
    TRY(CheckNewTag(parameters.tags.back()));
  }
  return {};
}

}  // namespace

Result<Parameters> ReadParameters(const Route& route, const http::RequestHead& head) {
  Parameters parameters;
  switch (route.kind) {
    case RouteKind::kUploads:
      parameters.digest = TRY(ReadDigest(head, "digest"));
      parameters.algorithm = TRY(ReadAlgorithm(head));
      TRY(ReadMount(head, parameters));
      break;
    case RouteKind::kUpload:
      TRY(ReadUpload(head, parameters));
      break;
    case RouteKind::kTags:
    case RouteKind::kCatalog:
      TRY(ReadPage(head, parameters));
      break;
    case RouteKind::kManifest:
      if (head.method == http::Method::kPut) TRY(ReadNewTags(route, head, parameters));
      break;
    case RouteKind::kReferrers:
      TRY(ReadReferrers(head, parameters));
      break;
    case RouteKind::kRoot:
    case RouteKind::kBlob:
      break;
  }
  return parameters;
}

Result<> RequireSha256(const Route& route, const Parameters& parameters) {
  for (const std::optional<Digest>& digest : {route.digest, parameters.digest, parameters.mount})
    if (digest && digest->algorithm() != HashAlgorithm::kSha256)
      return Fail(Error(ErrorCode::kDigestInvalid).With("digest", digest->ToString()));
  if (parameters.algorithm != HashAlgorithm::kSha256)
    return Fail(Error(ErrorCode::kDigestInvalid).With("digest", "sha512"));
  return {};
}

}  // namespace entrepot::oci
