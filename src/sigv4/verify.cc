#include "sigv4/verify.h"

#include <algorithm>
#include <charconv>
#include <map>

#include <fmt/format.h>

#include "base/encoding.h"
#include "base/hasher.h"

namespace entrepot::sigv4 {
namespace {

using namespace std::chrono_literals;
constexpr std::chrono::seconds kLongestValidity = std::chrono::days(7);

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == text.npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::string_view Trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::unexpected<Error> Incomplete(std::string detail) {
  return Fail(ErrorCode::kIncompleteSignature, std::move(detail));
}

Result<> ParseCredential(std::string_view credential, Claim& claim) {
  const auto parts = Split(credential, '/');
  if (parts.size() != 5 || parts[0].empty())
    return Incomplete(
        fmt::format("Credential must have exactly 5 slash-delimited elements, e.g. "
                    "keyid/date/region/service/term, got '{}'",
                    credential));
  claim.access_key_id = parts[0];
  claim.scope = {std::string(parts[1]), std::string(parts[2]), std::string(parts[3])};
  claim.terminator = parts[4];
  return {};
}

void ParseSignedHeaders(std::string_view list, Claim& claim) {
  std::vector<Header> headers;
  for (const std::string_view name : Split(list, ';'))
    if (!name.empty()) headers.push_back({name, {}});
  claim.signed_headers = HeaderNames(headers);
}

Result<> ParseDate(std::string_view text, Claim& claim) {
  if (FromBasicIso8601(text, claim.time)) return {};
  return Incomplete(
      fmt::format("Date must be in ISO-8601 'basic format'. Got '{}'. "
                  "See http://en.wikipedia.org/wiki/ISO_8601",
                  text));
}

Result<Claim> ParseHeaderForm(const SignableRequest& request, std::string_view authorization) {
  std::map<std::string_view, std::string_view> fields;
  const std::size_t space = std::min(authorization.find(' '), authorization.size());
  if (authorization.substr(0, space) == kAlgorithm) {
    for (std::string_view field : Split(authorization.substr(space), ',')) {
      field = Trim(field);
      const std::size_t equals = std::min(field.find('='), field.size());
      fields.emplace(field.substr(0, equals), field.substr(std::min(equals + 1, field.size())));
    }
  }
  const std::string_view* date = request.Find("x-amz-date");
  if (!date) date = request.Find("date");
  std::string missing;
  for (const std::string_view name : {"Credential", "Signature", "SignedHeaders"})
    if (fields[name].empty()) missing += fmt::format("Authorization header requires '{}' parameter. ", name);
  if (!date)
    missing += "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ";
  if (!missing.empty())  // as AWS: the header may hold a password, which no answer or log repeats
    return Incomplete(fmt::format("{}(Hashed with SHA-256 and encoded with Base64) Authorization={}", missing,
                                  Base64Encode(Sha256(AsBytes(authorization)))));
  Claim claim{.form = Form::kHeader, .signature = std::string(fields["Signature"])};
  TRY(ParseCredential(fields["Credential"], claim));
  TRY(ParseDate(*date, claim));
  ParseSignedHeaders(fields["SignedHeaders"], claim);
  if (const auto* token = request.Find("x-amz-security-token")) claim.session_token = *token;
  return claim;
}

Result<> ParseValidity(std::string_view text, Claim& claim) {
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size() || seconds < 1 ||
      seconds > kLongestValidity.count())
    return Incomplete("X-Amz-Expires must be a number of seconds from 1 to 604800");
  claim.valid_for = std::chrono::seconds(seconds);
  return {};
}

Result<Claim> ParseQueryForm(const std::vector<QueryParameter>& parameters) {
  std::map<std::string_view, std::string_view> fields;
  for (const QueryParameter& parameter : parameters)
    if (parameter.name.starts_with("X-Amz-") && !fields.emplace(parameter.name, parameter.value).second)
      return Incomplete(fmt::format("The query-string parameter '{}' appears twice.", parameter.name));
  std::string missing;
  for (const std::string_view name : {"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature",
                                      "X-Amz-SignedHeaders", "X-Amz-Date", "X-Amz-Expires"})
    if (fields[name].empty()) missing += fmt::format("AWS query-string parameters must include '{}'. ", name);
  if (!missing.empty()) return Incomplete(missing + "Re-examine the query-string parameters.");
  if (fields["X-Amz-Algorithm"] != kAlgorithm)
    return Incomplete(fmt::format("Unsupported AWS 'algorithm': '{}'.", fields["X-Amz-Algorithm"]));
  Claim claim{.form = Form::kQuery, .signature = std::string(fields["X-Amz-Signature"])};
  TRY(ParseCredential(fields["X-Amz-Credential"], claim));
  TRY(ParseDate(fields["X-Amz-Date"], claim));
  TRY(ParseValidity(fields["X-Amz-Expires"], claim));
  ParseSignedHeaders(fields["X-Amz-SignedHeaders"], claim);
  claim.session_token = fields["X-Amz-Security-Token"];
  return claim;
}

std::string Length(std::chrono::seconds time) {
  return time % 60s == 0s ? fmt::format("{} min.", time / 60s) : fmt::format("{} sec.", time.count());
}

}  // namespace

Result<Claim> ParseClaim(const SignableRequest& request) {
  if (const auto* authorization = request.Find("authorization"))
    return ParseHeaderForm(request, *authorization);
  const auto parameters = ParseQuery(request.query);
  const auto is_signature = [](const QueryParameter& parameter) {
    return parameter.name == "X-Amz-Signature" || parameter.name == "X-Amz-Credential" ||
           parameter.name == "X-Amz-Algorithm";
  };
  if (std::ranges::none_of(parameters, is_signature)) return Fail(ErrorCode::kMissingAuthentication);
  return ParseQueryForm(parameters);
}

Result<> CheckScope(const Claim& claim, std::string_view service,
                    const std::function<bool(std::string_view region)>& region_is_served) {
  std::string wrong;
  if (!region_is_served(claim.scope.region)) wrong += "Credential should be scoped to a valid region. ";
  if (claim.scope.service != service)
    wrong += fmt::format("Credential should be scoped to correct service: '{}'. ", service);
  if (claim.terminator != kTerminator)
    wrong += fmt::format("Credential should be scoped with a valid terminator: '{}', not '{}'. ", kTerminator,
                         claim.terminator);
  const std::string time = ToBasicIso8601(claim.time);
  if (const std::string_view date = std::string_view(time).substr(0, 8); claim.scope.date != date)
    wrong += fmt::format(
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
        "'{}' != '{}', from '{}'. ",
        claim.scope.date, date, time);
  if (!wrong.empty()) return Fail(ErrorCode::kCredentialScope, std::move(wrong));
  return {};
}

Result<> CheckTime(const Claim& claim, Timestamp now) {
  const std::chrono::seconds life = claim.form == Form::kQuery ? claim.valid_for : kClockSkew;
  if (const Timestamp oldest = now - life; claim.time < oldest)
    return Fail(
        ErrorCode::kSignatureExpired,
        fmt::format("Signature expired: {} is now earlier than {} ({} - {})", ToBasicIso8601(claim.time),
                    ToBasicIso8601(oldest), ToBasicIso8601(now), Length(life)));
  if (const Timestamp newest = now + kClockSkew; claim.time > newest)
    return Fail(ErrorCode::kSignatureNotYetCurrent,
                fmt::format("Signature not yet current: {} is still later than {} ({} + {})",
                            ToBasicIso8601(claim.time), ToBasicIso8601(newest), ToBasicIso8601(now),
                            Length(kClockSkew)));
  return {};
}

Result<> CheckSignedHeaders(const SignableRequest& request, const Claim& claim) {
  const auto is_signed = [&](std::string_view name) {
    return std::ranges::binary_search(claim.signed_headers, name);
  };
  if (!is_signed("host")) return Incomplete("'Host' must be a 'SignedHeader' in the AWS Authorization.");
  for (const std::string& name : HeaderNames(request.headers))
    if (name.starts_with("x-amz-") && name != "x-amz-security-token" && !is_signed(name))
      return Incomplete(fmt::format("'{}' must be a 'SignedHeader' in the AWS Authorization.", name));
  return {};
}

Result<> CheckSignature(const SignableRequest& request, const Claim& claim, const SecretKey& signing_key,
                        std::string_view body_hash, PathRule rule) {
  const auto* declared_hash = request.Find("x-amz-content-sha256");
  if (declared_hash && *declared_hash != body_hash) return Fail(ErrorCode::kSignatureMismatch);
  const std::string canonical = CanonicalRequest(request, claim.signed_headers, body_hash, rule);
  const std::string expected =
      ComputeSignature(signing_key, StringToSign(claim.time, claim.scope, canonical));
  if (!ConstantTimeEqual(AsBytes(expected), AsBytes(claim.signature)))
    return Fail(ErrorCode::kSignatureMismatch);
  return {};
}

}  // namespace entrepot::sigv4
