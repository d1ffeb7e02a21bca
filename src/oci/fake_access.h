#pragma once

// An access::Access for tests: lets in whom it is told to, and may be asked what it was asked.

#include <memory>
#include <optional>
#include <set>
#include <string>

#include "access/access.h"
#include "base/crypto.h"
#include "base/encoding.h"

namespace entrepot::oci {

class FakeAccess final : public access::Access {
 public:
  access::CallerPtr caller = std::make_shared<access::Caller>(access::Caller{
      .account = AccountId::Trusted("123456789012"),
      .unique_id = "AIDAFAKE",
      .arn = "arn:aws:iam::123456789012:user/fake",
      .user_name = "fake",
      .access_key_id = "AKIAFAKE",
  });
  RegistryName registry{AccountId::Trusted("123456789012"), Region::Trusted("us-west-2")};
  std::optional<Error> authentication_error;
  bool expired = false;
  Timestamp expires_at{};
  std::set<std::string> denied;            // "<action> <resource>"
  std::set<std::string> denied_by_policy;  // likewise, by a statement of a policy
  std::vector<std::string> asked;

  Result<access::SignedCaller> AuthenticateSigned(const http::RequestHead&, std::string_view,
                                                  const access::SignatureScope&) override {
    return Fail(ErrorCode::kMissingAuthentication);
  }
  Result<> CheckClaim(const http::RequestHead&, const access::SignatureScope&) override {
    return Fail(ErrorCode::kMissingAuthentication);
  }
  Result<access::RegistryCaller> AuthenticateRegistry(const http::RequestHead& head) override {
    if (authentication_error) return Fail(*authentication_error);
    if (!head.HasHeader("Authorization")) return Fail(ErrorCode::kMissingAuthentication);
    return access::RegistryCaller{caller, registry, expired, expires_at};
  }
  std::shared_ptr<const access::RegistryCaller> TryAuthenticateRegistry(
      const http::RequestHead& head) override {
    Result<access::RegistryCaller> who = AuthenticateRegistry(head);
    return who ? std::make_shared<access::RegistryCaller>(*std::move(who)) : nullptr;
  }
  bool IsCurrent(std::string_view, std::string_view) override { return true; }
  Result<access::RegistryToken> IssueRegistryToken(const access::Caller&, const RegistryName&) override {
    return Fail(ErrorCode::kInternal);
  }
  Result<> Authorize(const access::Caller& who, std::string_view action, std::string_view resource,
                     const access::RequestFacts&) override {
    asked.push_back(std::string(action) + " " + std::string(resource));
    const bool by_policy = denied_by_policy.contains(asked.back());
    if (!by_policy && !denied.contains(asked.back())) return {};
    return Fail(
        Error(ErrorCode::kAccessDenied)
            .With("principal", who.arn)
            .With("action", std::string(action))
            .With("resource", std::string(resource))
            .With("reason", "because no identity-based policy allows the " + std::string(action) + " action")
            .With("denied_by", by_policy ? "policy" : "default"));
  }
  Result<> AuthorizeUnder(const access::PolicyDocument&, const access::Caller&, std::string_view,
                          std::string_view, const access::RequestFacts&) override {
    return Fail(ErrorCode::kInternal);
  }
  std::optional<bool> TryAuthorize(const access::Caller& who, std::string_view action,
                                   std::string_view resource, const http::RequestHead&) override {
    return Authorize(who, action, resource, {}).has_value();
  }
  std::string Seal(std::string_view purpose, std::string_view text) override {
    return Base64UrlEncode(SealBox(key_, AsBytes(purpose), AsBytes(text)));
  }
  std::optional<std::string> TryOpen(std::string_view purpose, std::string_view sealed) override {
    return Open(purpose, sealed);
  }
  std::optional<std::string> Open(std::string_view purpose, std::string_view sealed) override {
    const auto box = Base64UrlDecode(sealed);
    if (!box) return std::nullopt;
    const Result<ByteVector> text = OpenBox(key_, AsBytes(purpose), *box);
    return text ? std::optional(std::string(AsText(*text))) : std::nullopt;
  }

 private:
  SecretKey key_ = SecretKey::Generate();
};

}  // namespace entrepot::oci
