#pragma once

// Who is calling, and may they. The doors ask these questions and nobody else answers them; there is no path
// round.
//
// Every question has a fast form that answers from memory on an event loop (no lock that is held across I/O,
// no database) or says nothing, and a full form that may read the store and fills the caches. Both give the
// same answer. Safe from any thread.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/names.h"
#include "base/result.h"
#include "http/request.h"

namespace entrepot::access {

class PolicyDocument;  // policy_document.h

/// An authenticated principal. Immutable and shared by the caches.
struct Caller {
  AccountId account;
  std::string unique_id;      // AIDA…: what tokens and upload sessions keep (design-access 1)
  std::string arn;            // arn:aws:iam::123456789012:user/admin
  std::string user_name;      // "" for what is no user
  std::string access_key_id;  // the key that signed, or that the token was issued under
};
using CallerPtr = std::shared_ptr<const Caller>;

/// A caller on /v2/: the token is the principal, and names the registry it was issued for.
struct RegistryCaller {
  CallerPtr caller;
  RegistryName default_registry;
  bool expired = false;  // good but for its expiry, which was less than an hour ago: design-access 3
  Timestamp expires_at;  // of the token
};

/// The facts of a request that policy conditions may ask about.
struct RequestFacts {
  std::string source_ip;
  bool secure_transport = false;
  std::string user_agent;
  Timestamp time;
  /// Further condition keys of this operation, lower case: {"aws:requesttag/team", "a"}; a key may repeat.
  std::vector<std::pair<std::string, std::string>> keys;
};
RequestFacts FactsOf(const http::RequestHead& head, Timestamp time);

/// What a signature must be for.
struct SignatureScope {
  std::string_view service;  // the name in the credential scope: ecr, sts, …
  bool query_form = false;   // presigned: only for STS GetCallerIdentity (design-access 5)
};

struct SignedCaller {
  CallerPtr caller;
  Region region;  // of the credential scope
};

struct RegistryToken {
  std::string password;  // what docker login takes; no colon, under 2 KiB
  Timestamp expires_at;
};

/// The new administrator's key, readable this once.
struct AccessKey {
  std::string id;
  std::string secret;
};

/// Of an error of Authorize: whether a statement denies it, and not merely none allows it.
inline bool IsDeniedByAPolicy(const Error& denial) { return denial.fact("denied_by") == "policy"; }

class Access {
 public:
  virtual ~Access() = default;

  // ---- authentication

  /// Verifies SigV4 in every detail (ecr-semantics 2.4); the codes are those of base/error.h.
  virtual Result<SignedCaller> AuthenticateSigned(const http::RequestHead& head, std::string_view body,
                                                  const SignatureScope& scope) = 0;
  /// What of that needs no body: the key is known and active, date, scope and signed headers are right.
  /// Nothing is proven yet (design-access 15).
  virtual Result<> CheckClaim(const http::RequestHead& head, const SignatureScope& scope) = 0;
  /// The Basic credentials of /v2/: kMissingAuthentication without any, kRegistryTokenInvalid for wrong ones,
  /// kRegistryTokenExpired an hour past their end (until then the caller comes back as `expired`, and the
  /// door decides what that still may).
  virtual Result<RegistryCaller> AuthenticateRegistry(const http::RequestHead& head) = 0;
  /// The same from memory, or nothing.
  virtual std::shared_ptr<const RegistryCaller> TryAuthenticateRegistry(const http::RequestHead& head) = 0;

  /// Whether the key is still active and still that principal's: what a sealed grant that names both is
  /// checked by at every use (design-access 9).
  virtual bool IsCurrent(std::string_view access_key_id, std::string_view principal) = 0;

  /// A token for docker login: sealed, for 12 hours, carrying the principal by its unique id (design-access
  /// 1).
  virtual Result<RegistryToken> IssueRegistryToken(const Caller& caller, const RegistryName& registry) = 0;

  // ---- authorization

  /// kAccessDenied with the facts of ECR's text (principal, action, resource, reason) unless policies allow
  /// it. `resource` is an ARN or "*".
  virtual Result<> Authorize(const Caller& caller, std::string_view action, std::string_view resource,
                             const RequestFacts& facts) = 0;
  /// The answer were `policy` the resource's own, beside its registry's. It is not kept.
  virtual Result<> AuthorizeUnder(const PolicyDocument& policy, const Caller& caller, std::string_view action,
                                  std::string_view resource, const RequestFacts& facts) = 0;
  /// From memory: true or false, or nothing when it is not known there.
  virtual std::optional<bool> TryAuthorize(const Caller& caller, std::string_view action,
                                           std::string_view resource, const http::RequestHead& head) = 0;

  // ---- secrets of other purposes, derived from the token keys by label (design-access 1)

  /// A sealed text that only this installation opens, for one purpose ("upload-location", "page",
  /// "download-url").
  virtual std::string Seal(std::string_view purpose, std::string_view text) = 0;
  virtual std::optional<std::string> Open(std::string_view purpose, std::string_view sealed) = 0;
  /// The same with the keys in memory, or nothing.
  virtual std::optional<std::string> TryOpen(std::string_view purpose, std::string_view sealed) = 0;
};

}  // namespace entrepot::access
