#include "oci/answers.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "http/range.h"

namespace entrepot::oci {
namespace {

constexpr std::string_view kCommonFields =
    "Docker-Distribution-Api-Version: registry/2.0\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "Content-Security-Policy: sandbox; default-src 'none'\r\n"
    "Content-Disposition: attachment\r\n";

constexpr std::string_view kAskAgain = "private, no-cache";

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

enum class Comparison { kStrong, kWeak };

/// Whether one of the tags in a list names the content (RFC 9110 8.8.3.2).
bool Names(std::string_view list, std::string_view etag, Comparison comparison) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    std::string_view candidate = Trim(list.substr(0, comma));
    list.remove_prefix(comma == list.npos ? list.size() : comma + 1);
    if (comparison == Comparison::kWeak && candidate.starts_with("W/")) candidate.remove_prefix(2);
    if (candidate == "*" || candidate == etag) return true;
  }
  return false;
}

/// The same of a list that may be spread over several fields.
bool AnyNames(const http::RequestHead& head, std::string_view field_name, std::string_view etag,
              Comparison comparison) {
  return std::ranges::any_of(head.headers, [&](const http::HeaderField& field) {
    return http::EqualsIgnoreCase(field.name, field_name) && Names(field.value, etag, comparison);
  });
}

/// 412 or, of If-None-Match, 304 where a precondition does not hold, else 200. In the order of RFC
/// 9110 13.2.2; nothing here has a date that the other two could ask for.
int StatusUnderPreconditions(const http::RequestHead& head, std::string_view etag) {
  if (head.HasHeader("If-Match") && !AnyNames(head, "If-Match", etag, Comparison::kStrong)) return 412;
  return AnyNames(head, "If-None-Match", etag, Comparison::kWeak) ? 304 : 200;
}

/// It tells what is here instead, and nothing that a cache could keep.
http::Response PreconditionFailed(std::string_view etag) {
  http::Response response{.status = 412};
  response.Add("ETag", etag);
  return response;
}

/// The fields that name content by its digest.
http::Response ContentResponse(std::string_view media_type, std::string_view digest, std::string_view etag,
                               std::string_view cache_control) {
  http::Response response;
  response.fields.reserve(768);  // room for the common fields too
  response.Add("Content-Type", media_type)
      .Add("Docker-Content-Digest", digest)
      .Add("ETag", etag)
      .Add("Cache-Control", cache_control);
  return response;
}

/// RFC 9110 14.2 and 13.1.5: a range is for GET, and only while If-Range, if any, still names this content.
http::SelectedRange RangeOf(const http::RequestHead& head, std::string_view etag, std::uint64_t size) {
  if (head.method != http::Method::kGet) return {};
  if (head.HasHeader("If-Range") && head.Header("If-Range") != etag) return {};
  return http::SelectRange(head.Header("Range"), size);
}

}  // namespace

void Complete(const http::RequestHead& head, http::Response& response) {
  response.fields.append(kCommonFields);
  if (head.method != http::Method::kHead) return;
  if (const auto* text = std::get_if<std::string>(&response.body)) response.head_length = text->size();
  if (const auto* shared = std::get_if<http::SharedText>(&response.body))
    response.head_length = (*shared)->size();
  response.body = std::monostate();
}

http::Response VersionAnswer() { return http::TextResponse(200, "application/json", "{}"); }

registry::ImageCondition ConditionOf(const http::RequestHead& head) {
  if (!head.HasHeader("If-Match") && !head.HasHeader("If-None-Match")) return nullptr;
  return [&head](const std::optional<Digest>& present) {
    if (!present) return !head.HasHeader("If-Match");
    return StatusUnderPreconditions(head, '"' + present->ToString() + '"') == 200;
  };
}

http::Response ManifestAnswer(const http::RequestHead& head, const registry::StoredManifest& manifest) {
  const std::string digest = manifest.digest.ToString();
  const std::string etag = '"' + digest + '"';
  const int status = StatusUnderPreconditions(head, etag);
  if (status == 412) return PreconditionFailed(etag);
  const bool by_digest = head.path.ends_with(digest);
  http::Response response =
      ContentResponse(manifest.media_type, digest, etag, by_digest ? kKeepPrivately : kAskAgain);
  response.status = status;
  if (status == 304)
    response.head_length = manifest.content->size();
  else
    response.body = manifest.content;
  return response;
}

bool IsPull(const http::RequestHead& head, const http::Response& manifest_answer) {
  return head.method == http::Method::kGet && manifest_answer.status == 200;
}

Result<BlobAnswer> AnswerForBlob(const http::RequestHead& head, const Digest& digest, std::uint64_t size,
                                 std::string_view cache_control) {
  const std::string name = digest.ToString();
  const std::string etag = '"' + name + '"';
  const int status = StatusUnderPreconditions(head, etag);
  if (status == 412) return BlobAnswer{.response = PreconditionFailed(etag), .body = {}};
  BlobAnswer answer{.response = ContentResponse("application/octet-stream", name, etag, cache_control),
                    .body = {}};
  http::Response& response = answer.response;
  response.Add("Accept-Ranges", "bytes");

  if (status == 304) {
    response.status = status;
    response.head_length = size;
    return answer;
  }
  const http::SelectedRange selected = RangeOf(head, etag, size);
  if (selected.kind == http::RangeKind::kNotSatisfiable)
    return Fail(Error(ErrorCode::kRangeNotSatisfiable).With("size", std::to_string(size)));
  if (selected.kind == http::RangeKind::kPart) {
    const auto [first, last] = selected.range;
    response.status = 206;
    response.Add("Content-Range",
                 "bytes " + std::to_string(first) + "-" + std::to_string(last) + "/" + std::to_string(size));
    answer.body = registry::ByteRange{.offset = first, .length = selected.range.length()};
    return answer;
  }
  if (head.method == http::Method::kHead)
    response.head_length = size;
  else if (size > 0)
    answer.body = registry::ByteRange{.offset = 0, .length = size};
  return answer;
}

Result<http::Response> LayerAnswer(const http::RequestHead& head, registry::Layers& layers,
                                   const registry::OpenLayerPtr& layer, std::string_view cache_control) {
  BlobAnswer answer =
      TRY(AnswerForBlob(head, layer->digest, static_cast<std::uint64_t>(layer->size), cache_control));
  if (answer.body) answer.response.body = layers.Body(layer, *answer.body);
  return std::move(answer.response);
}

}  // namespace entrepot::oci
