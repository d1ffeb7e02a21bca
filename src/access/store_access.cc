#include "access/store_access.h"

#include <algorithm>
#include <cstring>

#include "access/authorizer.h"
#include "access/basic_credentials.h"
#include "access/credentials.h"
#include "access/registry_token.h"
#include "access/token_keys.h"
#include "base/encoding.h"
#include "base/hasher.h"
#include "metadata/identities.h"
#include "sigv4/verify.h"

namespace entrepot::access {
namespace {

// STS and IAM are one for all regions: whatever region a client signs for is right.
bool IsGlobalService(std::string_view service) { return service == "sts" || service == "iam"; }

// How long behind its end a token still says who calls; what that may then do, the door decides
// (design-access 3).
constexpr std::chrono::hours kAfterExpiry{1};

std::string LabelOf(std::string_view purpose) { return "text: " + std::string(purpose); }

/// `find_key`: std::optional<TokenKey>(std::int64_t id).
std::optional<std::string> OpenSealed(std::string_view purpose, std::string_view sealed, auto find_key) {
  const auto bytes = Base64UrlDecode(sealed);
  const auto key_id = bytes ? SealingKeyId(*bytes) : std::nullopt;
  const std::optional<TokenKey> key = key_id ? find_key(*key_id) : std::nullopt;
  const auto text = key ? OpenUnder(*key, LabelOf(purpose), *bytes) : std::nullopt;
  return text ? std::optional(std::string(AsText(*text))) : std::nullopt;
}

class StoreAccess final : public Access {
 public:
  StoreAccess(metadata::Store& store, const AccessSecrets& secrets, const Clock& clock, AccessOptions options,
              std::unique_ptr<TokenKeys> token_keys)
      : versions_(store.versions()),
        clock_(clock),
        regions_(std::move(options.regions)),
        token_keys_(std::move(token_keys)),
        credentials_(store, secrets.access_keys, options.cache_bytes / 4),
        authorizer_(store, clock, options.cache_bytes / 2),
        tokens_(options.cache_bytes / 4) {}

  Result<SignedCaller> AuthenticateSigned(const http::RequestHead& head, std::string_view body,
                                          const SignatureScope& scope) override;
  Result<> CheckClaim(const http::RequestHead& head, const SignatureScope& scope) override;
  Result<RegistryCaller> AuthenticateRegistry(const http::RequestHead& head) override;
  std::shared_ptr<const RegistryCaller> TryAuthenticateRegistry(const http::RequestHead& head) override;
  Result<RegistryToken> IssueRegistryToken(const Caller& caller, const RegistryName& registry) override;

  Result<> Authorize(const Caller& caller, std::string_view action, std::string_view resource,
                     const RequestFacts& facts) override {
    return authorizer_.Authorize(caller, action, resource, facts);
  }
  Result<> AuthorizeUnder(const PolicyDocument& policy, const Caller& caller, std::string_view action,
                          std::string_view resource, const RequestFacts& facts) override {
    return authorizer_.AuthorizeUnder(policy, caller, action, resource, facts);
  }
  std::optional<bool> TryAuthorize(const Caller& caller, std::string_view action, std::string_view resource,
                                   const http::RequestHead& head) override {
    return authorizer_.TryAuthorize(caller, action, resource, head);
  }

  std::string Seal(std::string_view purpose, std::string_view text) override {
    return Base64UrlEncode(SealUnder(token_keys_->Current(), LabelOf(purpose), text));
  }
  bool IsCurrent(std::string_view access_key_id, std::string_view principal) override;
  std::optional<std::string> Open(std::string_view purpose, std::string_view sealed) override;
  std::optional<std::string> TryOpen(std::string_view purpose, std::string_view sealed) override;

 private:
  // Tokens are known by a hash of the whole Authorization value: the cache holds nothing that logs in.
  struct TokenName {
    explicit TokenName(std::string_view authorization) : hash(Sha256(AsBytes(authorization))) {
      std::memcpy(&key, hash.data(), sizeof key);
    }
    std::string_view text() const { return AsText(hash); }
    std::array<std::uint8_t, 32> hash;
    std::uint64_t key;
  };

  bool ServesRegion(std::string_view region, std::string_view service) const;
  struct Signed;
  /// Everything but the signature; fills the claim.
  Result<CredentialPtr> ReadClaim(Signed& text, const SignatureScope& scope);
  Result<RegistryCaller> CheckToken(std::string_view authorization, metadata::Seen& seen);

  metadata::VersionStripes& versions_;
  const Clock& clock_;
  const std::vector<Region> regions_;
  const std::unique_ptr<TokenKeys> token_keys_;
  Credentials credentials_;
  Authorizer authorizer_;
  metadata::VersionedCache<RegistryCaller> tokens_;
};

bool StoreAccess::ServesRegion(std::string_view region, std::string_view service) const {
  if (!Region::Parse(region)) return false;
  return regions_.empty() || IsGlobalService(service) ||
         std::ranges::find(regions_, region, &Region::str) != regions_.end();
}

// A request as signatures see it.
struct StoreAccess::Signed {
  explicit Signed(const http::RequestHead& head) {
    headers.reserve(head.headers.size());
    for (const http::HeaderField& field : head.headers) headers.push_back({field.name, field.value});
    request = {head.method_text, head.path, head.query, headers};
  }
  std::vector<sigv4::Header> headers;
  sigv4::SignableRequest request;
  sigv4::Claim claim;
};

Result<CredentialPtr> StoreAccess::ReadClaim(Signed& text, const SignatureScope& scope) {
  text.claim = TRY(sigv4::ParseClaim(text.request));
  const sigv4::Claim& claim = text.claim;
  if (claim.form == sigv4::Form::kQuery && !scope.query_form) return Fail(ErrorCode::kMissingAuthentication);
  TRY(sigv4::CheckScope(claim, scope.service,
                        [&](std::string_view region) { return ServesRegion(region, scope.service); }));
  TRY(sigv4::CheckTime(claim, clock_.Now()));
  TRY(sigv4::CheckSignedHeaders(text.request, claim));
  CredentialPtr credential = TRY(credentials_.Find(claim.access_key_id));
  if (!claim.session_token.empty()) return Fail(ErrorCode::kUnknownAccessKey);  // a user's key has no session
  return credential;
}

Result<> StoreAccess::CheckClaim(const http::RequestHead& head, const SignatureScope& scope) {
  Signed text(head);
  TRY(ReadClaim(text, scope));
  return {};
}

// What costs nothing is checked first, the signature, for which the body is hashed, last (design-access 15).
Result<SignedCaller> StoreAccess::AuthenticateSigned(const http::RequestHead& head, std::string_view body,
                                                     const SignatureScope& scope) {
  Signed text(head);
  const CredentialPtr credential = TRY(ReadClaim(text, scope));
  const auto signing_key = credentials_.SigningKey(*credential, text.claim.scope);
  TRY(sigv4::CheckSignature(text.request, text.claim, *signing_key, HexEncode(Sha256(AsBytes(body)))));
  return SignedCaller{credential->caller(), Region::Trusted(text.claim.scope.region)};
}

// `seen` gets the versions of everything that the answer follows from, each before it is read.
Result<RegistryCaller> StoreAccess::CheckToken(std::string_view authorization, metadata::Seen& seen) {
  const auto invalid = [] { return Fail(ErrorCode::kRegistryTokenInvalid); };
  const std::string password = TRY(ParseBasicPassword(authorization));
  const auto token = DecodeRegistryToken(password);
  const auto key_id = token ? SealingKeyId(*token) : std::nullopt;
  if (!key_id) return invalid();
  seen.Record(versions_, metadata::TokenKeysVersion());
  const auto claims = OpenRegistryToken(TRY(token_keys_->Find(*key_id)), *token);
  if (!claims) return invalid();
  const Timestamp now = clock_.Now();
  if (now > claims->expires_at + kAfterExpiry) return Fail(ErrorCode::kRegistryTokenExpired);
  seen.Record(versions_, metadata::AccessKeyVersion(claims->access_key_id));
  const Result<CredentialPtr> credential = credentials_.Find(claims->access_key_id);
  if (!credential && credential.error().code() != ErrorCode::kUnknownAccessKey)
    return Fail(credential.error());
  if (!credential || (*credential)->caller()->unique_id != claims->principal_id) return invalid();
  return RegistryCaller{.caller = (*credential)->caller(),
                        .default_registry = claims->registry,
                        .expired = now >= claims->expires_at,
                        .expires_at = claims->expires_at};
}

Result<RegistryCaller> StoreAccess::AuthenticateRegistry(const http::RequestHead& head) {
  if (!head.HasHeader("authorization")) return Fail(ErrorCode::kMissingAuthentication);
  if (const auto known = TryAuthenticateRegistry(head)) return *known;
  const std::string_view authorization = head.Header("authorization");
  metadata::Seen seen;
  auto known = std::make_shared<const RegistryCaller>(TRY(CheckToken(authorization, seen)));
  const TokenName name(authorization);
  tokens_.Put(name.key, name.text(), seen, known, sizeof(RegistryCaller) + 64);
  return *known;
}

std::shared_ptr<const RegistryCaller> StoreAccess::TryAuthenticateRegistry(const http::RequestHead& head) {
  const TokenName name(head.Header("authorization"));
  const auto known = tokens_.Get(name.key, name.text(), versions_);
  if (!known || clock_.Now() >= known->expires_at) return nullptr;
  return known;
}

Result<RegistryToken> StoreAccess::IssueRegistryToken(const Caller& caller, const RegistryName& registry) {
  TRY(token_keys_->Maintain());
  const Timestamp now = clock_.Now(), expires = now + kRegistryTokenLife;
  const RegistryTokenClaims claims{registry, caller.unique_id, caller.access_key_id, now, expires};
  return RegistryToken{SealRegistryToken(token_keys_->Current(), claims), expires};
}

bool StoreAccess::IsCurrent(std::string_view access_key_id, std::string_view principal) {
  const Result<CredentialPtr> credential = credentials_.Find(access_key_id);
  return credential && (*credential)->caller()->unique_id == principal;
}

std::optional<std::string> StoreAccess::Open(std::string_view purpose, std::string_view sealed) {
  return OpenSealed(purpose, sealed, [&](std::int64_t id) -> std::optional<TokenKey> {
    Result<TokenKey> key = token_keys_->Find(id);
    return key ? std::optional(*std::move(key)) : std::nullopt;
  });
}

std::optional<std::string> StoreAccess::TryOpen(std::string_view purpose, std::string_view sealed) {
  return OpenSealed(purpose, sealed, [&](std::int64_t id) { return token_keys_->TryFind(id); });
}

}  // namespace

Result<std::unique_ptr<Access>> MakeAccess(metadata::Store& store, const AccessSecrets& secrets,
                                           const Clock& clock, AccessOptions options) {
  auto token_keys = TRY(TokenKeys::Open(store, secrets.token_keys));
  return std::make_unique<StoreAccess>(store, secrets, clock, std::move(options), std::move(token_keys));
}

}  // namespace entrepot::access
