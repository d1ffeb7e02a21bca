#include "oci/upload_location.h"

#include <charconv>
#include <optional>
#include <vector>

#include "base/encoding.h"

namespace entrepot::oci {
namespace {

constexpr std::string_view kPurpose = "upload-location";
constexpr std::string_view kVersion = "2";
constexpr std::chrono::hours kLifetime{24};

std::string WriteState(const UploadLocation& location) {
  std::string text(kVersion);
  const registry::UploadTicket& ticket = location.ticket;
  for (const std::string& field :
       {ticket.id, std::to_string(static_cast<std::int64_t>(ticket.repository)), ticket.principal,
        std::to_string(ticket.opened_at.micros), std::to_string(static_cast<int>(ticket.algorithm)),
        std::to_string(location.offset), std::to_string(static_cast<int>(location.short_chunks))})
    text.append("\n").append(field);
  return text;
}

std::vector<std::string_view> SplitLines(std::string_view text) {
  std::vector<std::string_view> lines;
  for (;;) {
    const std::size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    if (end == text.npos) return lines;
    text.remove_prefix(end + 1);
  }
}

template <class Number>
bool ReadNumber(std::string_view text, Number& number) {
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  return fault == std::errc() && end == text.data() + text.size();
}

std::optional<UploadLocation> ReadState(std::string_view text) {
  const std::vector<std::string_view> fields = SplitLines(text);
  if (fields.size() != 8 || fields[0] != kVersion) return std::nullopt;
  UploadLocation location;
  std::int64_t repository = 0;
  int algorithm = 0, short_chunks = 0;
  if (!ReadNumber(fields[2], repository) || !ReadNumber(fields[4], location.ticket.opened_at.micros) ||
      !ReadNumber(fields[5], algorithm) || !ReadNumber(fields[6], location.offset) ||
      !ReadNumber(fields[7], short_chunks))
    return std::nullopt;
  location.ticket.algorithm = static_cast<HashAlgorithm>(algorithm);  // sealed here: it is one
  location.short_chunks = static_cast<ShortChunks>(short_chunks);
  location.ticket.id = fields[1];
  location.ticket.repository = registry::RepositoryId(repository);
  location.ticket.principal = fields[3];
  return location;
}

/// The location that `text` holds, if it is that upload's still.
std::optional<UploadLocation> LocationOf(const std::optional<std::string>& text,
                                         const registry::Repository& repository, std::string_view principal,
                                         std::string_view id, Timestamp now) {
  std::optional<UploadLocation> location = text ? ReadState(*text) : std::nullopt;
  const bool valid = location && location->ticket.id == id && location->ticket.repository == repository.id &&
                     location->ticket.principal == principal && now - location->ticket.opened_at <= kLifetime;
  return valid ? std::move(location) : std::nullopt;
}

}  // namespace

std::string WriteUploadLocation(access::Access& access, const registry::Repository& repository,
                                const UploadLocation& location) {
  return "/v2/" + repository.name.str() + "/blobs/uploads/" + location.ticket.id +
         "?_state=" + PercentEncode(access.Seal(kPurpose, WriteState(location)));
}

Result<UploadLocation> ReadUploadLocation(access::Access& access, const registry::Repository& repository,
                                          std::string_view principal, std::string_view id,
                                          std::string_view state, Timestamp now) {
  std::optional<UploadLocation> location =
      LocationOf(access.Open(kPurpose, state), repository, principal, id, now);
  if (!location)
    return Fail(Error(ErrorCode::kUploadNotFound)
                    .With("upload", std::string(id))
                    .With("repository", repository.name.str())
                    .With("account", repository.registry.account.str()));
  return *std::move(location);
}

std::optional<UploadLocation> TryReadUploadLocation(access::Access& access,
                                                    const registry::Repository& repository,
                                                    std::string_view principal, std::string_view id,
                                                    std::string_view state, Timestamp now) {
  return LocationOf(access.TryOpen(kPurpose, state), repository, principal, id, now);
}

}  // namespace entrepot::oci
