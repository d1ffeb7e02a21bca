#include "oci/pull_path.h"

#include <optional>

#include "access/registry_host.h"
#include "base/arn.h"
#include "http/response_head.h"
#include "oci/answers.h"

namespace entrepot::oci {
namespace {

bool IsOfPulls(RouteKind kind) {
  return kind == RouteKind::kRoot || kind == RouteKind::kManifest || kind == RouteKind::kBlob;
}

bool AnswerForManifest(const Rooms& rooms, const http::RequestHead& head, const PathParts& parts,
                       const registry::Repository& repository, const access::Caller& caller,
                       http::Response& response) {
  const registry::StoredManifestPtr manifest = rooms.images.TryGet(repository, parts.reference);
  if (!manifest) return false;
  http::Response answer = ManifestAnswer(head, *manifest);
  if (IsPull(head, answer) && !rooms.pulls.TryNote(repository, manifest->digest, parts.reference, caller.arn))
    return false;
  if (IsPull(head, answer)) rooms.traffic.Pulled(repository, manifest->content->size());
  response = std::move(answer);
  return true;
}

bool AnswerFor(const Rooms& rooms, const http::RequestHead& head, const PathParts& parts,
               const registry::Repository& repository, const access::Caller& caller,
               http::Response& response) {
  if (parts.kind == RouteKind::kManifest)
    return AnswerForManifest(rooms, head, parts, repository, caller, response);
  const registry::OpenLayerPtr layer = rooms.layers.TryOpen(repository, parts.reference);
  // That an unreferenced layer exists is said by its fresh row alone (design-storage 1.7).
  if (!layer || (head.method == http::Method::kHead && !layer->referenced)) return false;
  Result<http::Response> answer = LayerAnswer(head, rooms.layers, layer);
  if (!answer) return false;
  response = *std::move(answer);
  rooms.traffic.Sent(repository, http::BodyLength(response.body));
  return true;
}

}  // namespace

const Operation* TryAnswerPull(const Rooms& rooms, const http::RequestHead& head, http::Response& response) {
  if (head.has_body() || head.path.contains('%')) return nullptr;
  const std::optional<PathParts> parts = SplitPath(head.path);
  if (!parts || !IsOfPulls(parts->kind)) return nullptr;
  if (rooms.ecr_quirks && parts->reference.starts_with("sha512:")) return nullptr;
  const Operation* operation = FindOperation(parts->kind, head.method);
  if (!operation || (head.method != http::Method::kGet && head.method != http::Method::kHead)) return nullptr;

  const Result<access::RegistryHost> host = access::ParseRegistryHost(head.host, rooms.domain);
  const std::shared_ptr<const access::RegistryCaller> who = rooms.access.TryAuthenticateRegistry(head);
  if (!host || !who || who->expired) return nullptr;
  if (parts->kind == RouteKind::kRoot) {
    response = VersionAnswer();
  } else {
    const RegistryName& registry = host->registry ? *host->registry : who->default_registry;
    const registry::RepositoryPtr repository = rooms.repositories.TryFind(registry, parts->repository);
    if (!repository) return nullptr;
    const std::string arn = RepositoryArn(registry, parts->repository);
    if (!rooms.access.TryAuthorize(*who->caller, operation->action, arn, head).value_or(false))
      return nullptr;
    if (!AnswerFor(rooms, head, *parts, *repository, *who->caller, response)) return nullptr;
  }
  Complete(head, response);
  return operation;
}

}  // namespace entrepot::oci
