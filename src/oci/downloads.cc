#include "oci/downloads.h"

#include "http/response_head.h"
#include "oci/answers.h"
#include "oci/errors.h"
#include "registry/download_ticket.h"

namespace entrepot::oci {

http::Response Downloads::Serve(const http::RequestHead& head) const {
  Result<http::Response> answer = Answer(head);
  http::Response response = answer
                                ? *std::move(answer)
                                : std::move(ErrorResponse(answer.error()).Add("Cache-Control", kKeepNowhere));
  Complete(head, response);
  return response;
}

Result<http::Response> Downloads::Answer(const http::RequestHead& head) const {
  if (head.method != http::Method::kGet && head.method != http::Method::kHead)
    return Fail(Error(ErrorCode::kUnknownOperation).With("allow", "GET, HEAD"));
  const auto ticket = registry::OpenTicket(rooms_.access, head.path.substr(registry::kDownloadPath.size()));
  const bool current = ticket && ticket->host == head.host && ticket->expires_at > rooms_.clock.Now();
  if (!current || !rooms_.access.IsCurrent(ticket->access_key_id, ticket->principal))
    return Fail(ErrorCode::kRegistryTokenInvalid);
  const registry::RepositoryPtr repository =
      TRY(rooms_.repositories.Find(ticket->registry, ticket->repository));
  if (repository->id != ticket->repository_id)
    return Fail(Error(ErrorCode::kLayerNotFound).With("digest", ticket->digest.ToString()));
  http::Response answer = TRY(
      LayerAnswer(head, rooms_.layers, TRY(rooms_.layers.Open(*repository, ticket->digest)), kKeepNowhere));
  rooms_.traffic.Sent(*repository, http::BodyLength(answer.body));
  return answer;
}

}  // namespace entrepot::oci
