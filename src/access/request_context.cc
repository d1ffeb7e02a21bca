#include "access/request_context.h"

#include <algorithm>

namespace entrepot::access {
namespace {

constexpr std::string_view kConnectionKeys[] = {
    "aws:currenttime",     "aws:epochtime", "aws:principalaccount", "aws:principalarn", "aws:principaltype",
    "aws:securetransport", "aws:sourceip",  "aws:useragent",        "aws:userid",       "aws:username",
};

}  // namespace

RequestFacts FactsOf(const http::RequestHead& head, Timestamp time) {
  return {.source_ip = head.peer ? head.peer->address : "",
          .secure_transport = head.peer && head.peer->tls,
          .user_agent = std::string(head.Header("user-agent")),
          .time = time,
          .keys = {}};
}

Context ContextOf(const Caller& caller, const RequestFacts& facts) {
  Context context;
  context.Add("aws:PrincipalArn", caller.arn);
  context.Add("aws:PrincipalAccount", caller.account.str());
  context.Add("aws:userid", caller.unique_id);
  if (!caller.user_name.empty()) {
    context.Add("aws:username", caller.user_name);
    context.Add("aws:PrincipalType", "User");
  }
  if (!facts.source_ip.empty()) context.Add("aws:SourceIp", facts.source_ip);
  if (!facts.user_agent.empty()) context.Add("aws:UserAgent", facts.user_agent);
  context.Add("aws:SecureTransport", facts.secure_transport ? "true" : "false");
  context.Add("aws:CurrentTime", ToIso8601(facts.time));
  context.Add("aws:EpochTime", std::to_string(facts.time.micros / 1'000'000));
  for (const auto& [key, value] : facts.keys)
    if (!IsConnectionKey(LowerCase(key))) context.Add(key, value);
  return context;
}

bool IsConnectionKey(std::string_view key) { return std::ranges::binary_search(kConnectionKeys, key); }

}  // namespace entrepot::access
