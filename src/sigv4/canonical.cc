#include "sigv4/canonical.h"

#include <algorithm>

#include "base/encoding.h"

namespace entrepot::sigv4 {
namespace {

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), Lower);
  return lower;
}

bool EqualNames(std::string_view a, std::string_view b) { return std::ranges::equal(a, b, {}, Lower, Lower); }

// Decodes what can be decoded: a verifier must not stumble over a stray '%' that the signer took literally.
std::string LenientDecode(std::string_view text) {
  std::string decoded;
  while (!text.empty()) {
    const std::size_t percent = std::min(text.find('%'), text.size());
    decoded += text.substr(0, percent);
    text.remove_prefix(percent);
    if (text.empty()) break;
    const auto escape = PercentDecode(text.substr(0, 3));
    decoded += escape ? *escape : "%";
    text.remove_prefix(escape ? 3 : 1);
  }
  return decoded;
}

// RFC 3986 5.2.4, and runs of slashes become one.
std::string RemoveDotSegments(std::string_view path) {
  std::vector<std::string_view> kept;
  bool directory = true;  // the path ends in '/', or in a segment that names a directory
  for (std::string_view rest = path; !rest.empty();) {
    const std::size_t slash = rest.find('/');
    const std::string_view segment = rest.substr(0, slash);
    directory = slash != rest.npos || segment == "." || segment == "..";
    if (segment == "..") {
      if (!kept.empty()) kept.pop_back();
    } else if (!segment.empty() && segment != ".") {
      kept.push_back(segment);
    }
    rest.remove_prefix(slash == rest.npos ? rest.size() : slash + 1);
  }
  std::string normal;
  for (const std::string_view segment : kept) normal.append("/").append(segment);
  if (directory || normal.empty()) normal += '/';
  return normal;
}

std::string CanonicalPath(std::string_view path, PathRule rule) {
  if (path.empty()) return "/";
  return rule == PathRule::kNormalized ? PercentEncode(RemoveDotSegments(path), true)
                                       : PercentEncode(LenientDecode(path), true);
}

std::string CanonicalQuery(std::string_view query) {
  std::vector<std::string> pairs;
  for (const QueryParameter& parameter : ParseQuery(query))
    if (parameter.name != "X-Amz-Signature")
      pairs.push_back(PercentEncode(parameter.name) + '=' + PercentEncode(parameter.value));
  // By name, then by value: '=' must sort before every character of a name.
  std::ranges::sort(pairs, {}, [](const std::string& pair) {
    const std::size_t equals = pair.find('=');
    return std::pair(std::string_view(pair).substr(0, equals), std::string_view(pair).substr(equals));
  });
  std::string canonical;
  for (const std::string& pair : pairs) canonical.append(canonical.empty() ? "" : "&").append(pair);
  return canonical;
}

// Trimmed, and inner runs of blanks are one.
void AppendFolded(std::string& out, std::string_view value) {
  bool pending = false, begun = false;
  for (const char c : value) {
    if (IsBlank(c)) {
      pending = begun;
      continue;
    }
    if (pending) out += ' ';
    out += c;
    pending = false;
    begun = true;
  }
}

void AppendHeader(std::string& out, std::string_view name, std::span<const Header> headers) {
  out.append(name).append(":");
  bool first = true;
  for (const Header& header : headers) {
    if (!EqualNames(header.name, name)) continue;
    if (!first) out += ',';
    AppendFolded(out, header.value);
    first = false;
  }
  out += '\n';
}

}  // namespace

const std::string_view* SignableRequest::Find(std::string_view name) const {
  for (const Header& header : headers)
    if (EqualNames(header.name, name)) return &header.value;
  return nullptr;
}

std::vector<QueryParameter> ParseQuery(std::string_view query) {
  std::vector<QueryParameter> parameters;
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    if (!pair.empty()) {
      const std::size_t equals = std::min(pair.find('='), pair.size());
      parameters.push_back({LenientDecode(pair.substr(0, equals)),
                            LenientDecode(pair.substr(std::min(equals + 1, pair.size())))});
    }
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return parameters;
}

std::vector<std::string> HeaderNames(std::span<const Header> headers) {
  std::vector<std::string> names;
  for (const Header& header : headers) names.push_back(LowerCase(header.name));
  std::ranges::sort(names);
  names.erase(std::ranges::unique(names).begin(), names.end());
  return names;
}

std::string JoinHeaderNames(std::span<const std::string> names) {
  std::string joined;
  for (const std::string& name : names) joined.append(joined.empty() ? "" : ";").append(name);
  return joined;
}

std::string CanonicalRequest(const SignableRequest& request, std::span<const std::string> signed_headers,
                             std::string_view payload_hash, PathRule rule) {
  std::string canonical;
  canonical.append(request.method).append("\n");
  canonical.append(CanonicalPath(request.path, rule)).append("\n");
  canonical.append(CanonicalQuery(request.query)).append("\n");
  for (const std::string& name : signed_headers) AppendHeader(canonical, name, request.headers);
  canonical.append("\n").append(JoinHeaderNames(signed_headers)).append("\n").append(payload_hash);
  return canonical;
}

}  // namespace entrepot::sigv4
