#include "registry/download_ticket.h"

#include <array>
#include <charconv>

namespace entrepot::registry {
namespace {

constexpr std::string_view kPurpose = "download-url";
constexpr char kSeparator = '\n';  // stands in none of the fields

std::optional<std::int64_t> ReadNumber(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

std::string SealTicket(access::Access& access, const DownloadTicket& ticket) {
  std::string text;
  for (const std::string& field :
       {ticket.host, ticket.registry.account.str(), ticket.registry.region.str(), ticket.repository.str(),
        std::to_string(static_cast<std::int64_t>(ticket.repository_id)), ticket.digest.ToString(),
        ticket.principal, ticket.access_key_id, std::to_string(ticket.expires_at.micros)})
    text.append(field).append(1, kSeparator);
  return access.Seal(kPurpose, text);
}

std::optional<DownloadTicket> OpenTicket(access::Access& access, std::string_view sealed) {
  const std::optional<std::string> text = access.Open(kPurpose, sealed);
  if (!text) return std::nullopt;
  std::array<std::string_view, 9> fields;
  std::string_view rest = *text;
  for (std::string_view& field : fields) {
    const std::size_t end = rest.find(kSeparator);
    if (end == rest.npos) return std::nullopt;
    field = rest.substr(0, end);
    rest.remove_prefix(end + 1);
  }
  const Result<Digest> digest = Digest::Parse(fields[5]);
  const auto repository_id = ReadNumber(fields[4]), expires_at = ReadNumber(fields[8]);
  if (!rest.empty() || !digest || !repository_id || !expires_at) return std::nullopt;
  return DownloadTicket{
      .host = std::string(fields[0]),
      .registry = {AccountId::Trusted(std::string(fields[1])), Region::Trusted(std::string(fields[2]))},
      .repository = RepositoryName::Trusted(std::string(fields[3])),
      .repository_id = RepositoryId(*repository_id),
      .digest = *digest,
      .principal = std::string(fields[6]),
      .access_key_id = std::string(fields[7]),
      .expires_at = {*expires_at}};
}

}  // namespace entrepot::registry
