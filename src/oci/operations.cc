#include "oci/operations.h"

#include "registry/manifest.h"

namespace entrepot::oci {
namespace {

using enum RouteKind;
using enum http::Method;

// A request that is answered without its body: if it has one, the connection closes behind the answer.
constexpr http::BodyPlan kNoBody{.buffer_up_to = 0, .stream_beyond = true};
constexpr http::BodyPlan kLayerBody{.buffer_up_to = 1 << 20, .stream_beyond = true};
// More of a layer: what is not small goes straight to its file, in blocks that are used again.
constexpr http::BodyPlan kChunkBody{.buffer_up_to = 64 << 10, .stream_beyond = true};
constexpr http::BodyPlan kManifestBody{.buffer_up_to = registry::kMaxManifestBytes, .stream_beyond = false};

// clang-format off
constexpr Operation kOperations[kOperationCount] = {
    {"GetVersion",     kRoot,     kGet,    "", "",                                              kNoBody,       false, GetVersion},
    {"HeadVersion",    kRoot,     kHead,   "", "",                                              kNoBody,       false, GetVersion},
    {"ListCatalog",    kCatalog,  kGet,    "", "",                                              kNoBody,       false, ListCatalog},
    {"HeadCatalog",    kCatalog,  kHead,   "", "",                                              kNoBody,       false, ListCatalog},
    {"ListTags",       kTags,     kGet,    "ecr:ListImages", "",                                kNoBody,       false, ListTags},
    {"HeadTags",       kTags,     kHead,   "ecr:ListImages", "",                                kNoBody,       false, ListTags},
    {"ListReferrers",  kReferrers, kGet,   "ecr:BatchGetImage", "",                             kNoBody,       false, ListReferrers},
    {"HeadReferrers",  kReferrers, kHead,  "ecr:BatchGetImage", "",                             kNoBody,       false, ListReferrers},
    {"GetManifest",    kManifest, kGet,    "ecr:BatchGetImage", "",                             kNoBody,       false, GetManifest},
    {"HeadManifest",   kManifest, kHead,   "ecr:BatchGetImage", "",                             kNoBody,       false, GetManifest},
    {"PutManifest",    kManifest, kPut,    "ecr:PutImage", "",                                  kManifestBody, true,  PutManifest},
    {"DeleteManifest", kManifest, kDelete, "ecr:BatchDeleteImage", "",                          kNoBody,       false, DeleteManifest},
    {"GetBlob",        kBlob,     kGet,    "ecr:GetDownloadUrlForLayer", "",                    kNoBody,       false, GetBlob},
    {"HeadBlob",       kBlob,     kHead,   "ecr:BatchCheckLayerAvailability", "",               kNoBody,       false, HeadBlob},
    {"DeleteBlob",     kBlob,     kDelete, "ecr:BatchDeleteImage", "",                          kNoBody,       false, DeleteBlob},
    {"OpenUpload",     kUploads,  kPost,   "ecr:InitiateLayerUpload", "",                       kLayerBody,    true,  OpenUpload},
    {"AppendToUpload", kUpload,   kPatch,  "ecr:UploadLayerPart", "",                           kChunkBody,    true,  AppendToUpload},
    {"CloseUpload",    kUpload,   kPut,    "ecr:CompleteLayerUpload", "ecr:UploadLayerPart",    kLayerBody,    true,  CloseUpload},
    {"GetUpload",      kUpload,   kGet,    "ecr:UploadLayerPart", "",                           kNoBody,       true,  GetUpload},
    {"HeadUpload",     kUpload,   kHead,   "ecr:UploadLayerPart", "",                           kNoBody,       true,  GetUpload},
    {"CancelUpload",   kUpload,   kDelete, "ecr:UploadLayerPart", "",                           kNoBody,       true,  CancelUpload},
};
// clang-format on

std::string_view NameOf(http::Method method) {
  switch (method) {
    case kGet:
      return "GET";
    case kHead:
      return "HEAD";
    case kPost:
      return "POST";
    case kPut:
      return "PUT";
    case kPatch:
      return "PATCH";
    case kDelete:
      return "DELETE";
    case kOptions:
      return "OPTIONS";
    case kOther:
      break;
  }
  return "";
}

}  // namespace

std::span<const Operation, kOperationCount> Operations() { return kOperations; }

const Operation* FindOperation(RouteKind route, http::Method method) {
  for (const Operation& operation : kOperations)
    if (operation.route == route && operation.method == method) return &operation;
  return nullptr;
}

std::string MethodsOf(RouteKind route) {
  std::string methods;
  for (const Operation& operation : kOperations)
    if (operation.route == route)
      methods.append(methods.empty() ? "" : ", ").append(NameOf(operation.method));
  return methods;
}

}  // namespace entrepot::oci
