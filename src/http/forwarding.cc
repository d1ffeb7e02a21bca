#include "http/forwarding.h"

#include <algorithm>

namespace entrepot::http {
namespace {

constexpr HeadRefusal kMalformed{400, "malformed Forwarded or X-Forwarded-* header"};
constexpr HeadRefusal kDisagree{400, "Forwarded and X-Forwarded-* differ: the proxy should send one of them"};

/// What one proxy wrote of the request that it received; "" = nothing.
struct Hop {
  std::string_view node, proto, host;
};
using Described = std::expected<std::optional<ForwardedClient>, HeadRefusal>;

bool IsBlank(char c) { return c == ' ' || c == '\t'; }

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && IsBlank(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsBlank(text.back())) text.remove_suffix(1);
  return text;
}

bool IsTokenByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").contains(c);
}

// ---- nodes: an address with or without a port, or a word in its place

bool IsHidden(std::string_view node) { return EqualsIgnoreCase(node, "unknown") || node.starts_with('_'); }

bool IsPort(std::string_view text) {
  if (text.starts_with('_')) return text.size() > 1 && std::ranges::all_of(text, IsTokenByte);
  return !text.empty() && text.size() <= 5 &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

std::optional<IpAddress> ReadAddress(std::string_view node) {
  std::string_view port;
  if (node.starts_with('[')) {
    const std::size_t end = node.find(']');
    if (end == node.npos) return std::nullopt;
    port = node.substr(end + 1);
    node = node.substr(1, end - 1);
    if (!node.contains(':')) return std::nullopt;
  } else if (const std::size_t colon = node.find(':'); colon != node.npos && node.rfind(':') == colon) {
    port = node.substr(colon);
    node = node.substr(0, colon);
  }
  if (!port.empty() && (port.front() != ':' || !IsPort(port.substr(1)))) return std::nullopt;
  return IpAddress::Parse(node);
}

// ---- the two families, as hops from the client to the nearest proxy

/// The elements of a list that may be spread over several fields; empty ones do not count.
std::vector<std::string_view> ListOf(std::span<const HeaderField> headers, std::string_view name) {
  std::vector<std::string_view> elements;
  for (const HeaderField& field : headers) {
    if (!EqualsIgnoreCase(field.name, name)) continue;
    std::string_view rest = field.value;
    while (!rest.empty()) {
      const std::string_view element = rest.substr(0, rest.find(','));
      rest.remove_prefix(std::min(rest.size(), element.size() + 1));
      if (!Trimmed(element).empty()) elements.push_back(Trimmed(element));
    }
  }
  return elements;
}

/// The lists belong together from their right ends on: a proxy may set one of them and append to another. A
/// list that is shorter has its leftmost element for all hops further out.
std::vector<Hop> ReadXForwarded(std::span<const HeaderField> headers) {
  const auto nodes = ListOf(headers, "X-Forwarded-For");
  const auto protos = ListOf(headers, "X-Forwarded-Proto");
  const auto hosts = ListOf(headers, "X-Forwarded-Host");
  std::vector<Hop> hops(std::max({nodes.size(), protos.size(), hosts.size()}));
  const auto from_right = [](const std::vector<std::string_view>& list, std::size_t back) {
    return list.empty() ? std::string_view() : list[list.size() - std::min(back, list.size())];
  };
  for (std::size_t back = 1; back <= hops.size(); ++back)
    hops[hops.size() - back] = {
        .node = back <= nodes.size() ? nodes[nodes.size() - back] : std::string_view(),
        .proto = from_right(protos, back),
        .host = from_right(hosts, back)};
  return hops;
}

/// Takes a token or a quoted string off `text`. An escape in one stands for nothing that an address, a scheme
/// or a host could contain.
std::optional<std::string_view> TakeValue(std::string_view& text) {
  if (!text.starts_with('"')) {
    const auto end = std::ranges::find_if_not(text, IsTokenByte);
    const std::string_view token = text.substr(0, static_cast<std::size_t>(end - text.begin()));
    text.remove_prefix(token.size());
    return token.empty() ? std::nullopt : std::optional(token);
  }
  const std::size_t end = text.find('"', 1);
  if (end == text.npos || text.substr(0, end).contains('\\')) return std::nullopt;
  const std::string_view quoted = text.substr(1, end - 1);
  text.remove_prefix(end + 1);
  return quoted;
}

bool TakePair(std::string_view& text, Hop& hop) {
  const std::size_t equals = text.find('=');
  if (equals == text.npos) return false;
  const std::string_view name = text.substr(0, equals);
  if (name.empty() || !std::ranges::all_of(name, IsTokenByte)) return false;
  text.remove_prefix(equals + 1);
  const std::optional<std::string_view> value = TakeValue(text);
  if (!value) return false;
  for (const auto& [known, member] :
       {std::pair("for", &Hop::node), std::pair("proto", &Hop::proto), std::pair("host", &Hop::host)}) {
    if (!EqualsIgnoreCase(name, known)) continue;
    if (value->empty() || !(hop.*member).empty()) return false;
    hop.*member = *value;
  }
  return true;
}

/// One field of Forwarded: elements between commas, pairs between semicolons. A field ends what it began, so
/// that no client's open quote swallows what a proxy appends as a field of its own.
bool ReadForwardedField(std::string_view text, std::vector<Hop>& hops) {
  Hop hop;
  bool something = false;
  for (;;) {
    while (!text.empty() && IsBlank(text.front())) text.remove_prefix(1);
    if (!text.empty() && text.front() != ',' && text.front() != ';') {
      if (!TakePair(text, hop)) return false;
      something = true;
      while (!text.empty() && IsBlank(text.front())) text.remove_prefix(1);
    }
    if (text.empty() || text.front() == ',') {
      if (std::exchange(something, false)) hops.push_back(std::exchange(hop, {}));
      if (text.empty()) return true;
    } else if (text.front() != ';') {
      return false;
    }
    text.remove_prefix(1);
  }
}

// ---- from hops to the client

/// "" leaves `tls` as it is.
bool ReadProto(std::string_view proto, std::optional<bool>& tls) {
  if (proto.empty()) return true;
  tls = EqualsIgnoreCase(proto, "https");
  return *tls || EqualsIgnoreCase(proto, "http");
}

Described Describe(std::span<const Hop> hops, const IpAddress& proxy, const TrustedProxies& trusted) {
  if (hops.empty()) return std::nullopt;
  ForwardedClient client{.address = proxy, .tls = {}, .host = {}};
  // Each hop was written by the one whose address is `client.address`, trusted so far.
  for (std::size_t i = hops.size(); i-- > 0;) {
    const Hop& hop = hops[i];
    if (!ReadProto(hop.proto, client.tls)) return std::unexpected(kMalformed);
    if (!hop.host.empty() && !IsHostText(hop.host)) return std::unexpected(kMalformed);
    if (!hop.host.empty()) client.host = hop.host;
    if (hop.node.empty() || IsHidden(hop.node)) break;
    const std::optional<IpAddress> address = ReadAddress(hop.node);
    if (!address) return std::unexpected(kMalformed);
    client.address = *address;
    if (!IsTrusted(trusted, client.address)) break;
  }
  return client;
}

}  // namespace

bool IsTrusted(const TrustedProxies& proxies, const IpAddress& address) {
  return std::ranges::any_of(proxies, [&](const AddressRange& range) { return range.Contains(address); });
}

Described ReadForwarding(std::span<const HeaderField> headers, const IpAddress& proxy,
                         const TrustedProxies& trusted) {
  std::vector<Hop> standard;
  for (const HeaderField& field : headers)
    if (EqualsIgnoreCase(field.name, "Forwarded") && !ReadForwardedField(field.value, standard))
      return std::unexpected(kMalformed);
  const Described by_standard = Describe(standard, proxy, trusted);
  const Described by_custom = Describe(ReadXForwarded(headers), proxy, trusted);
  if (!by_standard || !by_custom) return std::unexpected(kMalformed);
  if (*by_standard && *by_custom && *by_standard != *by_custom) return std::unexpected(kDisagree);
  return *by_standard ? by_standard : by_custom;
}

}  // namespace entrepot::http
