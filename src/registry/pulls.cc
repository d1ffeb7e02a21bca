#include "registry/pulls.h"

#include <span>

#include "base/log.h"
#include "metadata/images.h"
#include "registry/announce.h"
#include "registry/refs.h"

namespace entrepot::registry {
namespace {

using metadata::WritePriority;
using metadata::WriteTransaction;

constexpr std::size_t kSlice = 200;  // rows of a write in the background

template <class T>
std::vector<std::span<const T>> SlicesOf(const std::vector<T>& all) {
  std::vector<std::span<const T>> slices;
  for (std::span<const T> rest(all); !rest.empty(); rest = rest.subspan(slices.back().size()))
    slices.push_back(rest.first(std::min(rest.size(), kSlice)));
  return slices;
}

bool IsTag(std::string_view reference) { return !reference.contains(':'); }

}  // namespace

void Pulls::Note(const Repository& repository, const Digest& digest, std::string_view reference,
                 std::string_view principal_arn) {
  const Result<bool> excluded = exclusions_.Excludes(repository, principal_arn);
  if (!excluded) log::Warning("a pull could not be noted", {{"error", excluded.error().ToString()}});
  Remember({RefOf(repository), digest}, reference, excluded && !*excluded);
}

bool Pulls::TryNote(const Repository& repository, const Digest& digest, std::string_view reference,
                    std::string_view principal_arn) {
  const std::optional<bool> excluded = exclusions_.TryExcludes(repository, principal_arn);
  if (excluded) Remember({RefOf(repository), digest}, reference, !*excluded);
  return excluded.has_value();
}

void Pulls::Remember(const Image& image, std::string_view reference, bool counts) {
  const Timestamp now = store_.clock().Now();
  if (counts) RememberTime(image, now);
  if (events_) RememberEvent(image, reference, now);
}

void Pulls::RememberTime(const Image& image, Timestamp now) {
  Shard& shard = ShardOf(image);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.images.find(image);
  if (found != shard.images.end())
    found->second.pulled = std::max(found->second.pulled, now);
  else if (shard.images.size() < options_.images / kShards)
    shard.images.emplace(image, Times{.pulled = now, .written = {}});
  else
    ++counters_.times_dropped;
}

void Pulls::RememberEvent(const Image& image, std::string_view reference, Timestamp now) {
  Pull pull{image, IsTag(reference) ? std::string(reference) : "", now};
  const std::lock_guard lock(queue_mutex_);
  if (queue_.size() < options_.queue)
    queue_.push_back(std::move(pull));
  else
    ++counters_.events_dropped;
}

// Those whose hour is over, or all that were pulled since they were written; and forgets what is at rest. No
// lock is held for long: this thread is one that others are preferred to, event loops among them.
std::vector<Pulls::TimeOf> Pulls::TakeTimes(bool all) {
  const Timestamp now = store_.clock().Now();
  std::vector<TimeOf> taken;
  for (Shard& shard : shards_) {
    for (auto& [image, times] : TakeShard(shard)) {
      const bool pulled = times.pulled > times.written;
      const bool may = all || now - times.written >= kWrittenAtMostEvery;
      if (!pulled && may) continue;
      if (pulled && may) {
        taken.emplace_back(image, times.pulled);
        times.written = now;
      }
      Keep(shard, image, times);
    }
  }
  return taken;
}

Pulls::TimesByImage Pulls::TakeShard(Shard& shard) {
  TimesByImage taken;
  const std::lock_guard lock(shard.mutex);
  taken.swap(shard.images);
  return taken;
}

void Pulls::Keep(Shard& shard, const Image& image, const Times& times) {
  const std::lock_guard lock(shard.mutex);
  const auto [kept, absent] = shard.images.emplace(image, times);
  if (!absent) kept->second.written = times.written;  // it was pulled again meanwhile
}

void Pulls::PutBack(const std::vector<TimeOf>& times) {
  for (const auto& [image, pulled] : times) {
    Shard& shard = ShardOf(image);
    const std::lock_guard lock(shard.mutex);
    if (const auto found = shard.images.find(image); found != shard.images.end()) found->second.written = {};
  }
}

Result<> Pulls::FlushTimes(bool all) {
  const std::lock_guard one_at_a_time(flushing_);
  const std::vector<TimeOf> times = TakeTimes(all);
  for (const std::span<const TimeOf> slice : SlicesOf(times)) {
    const Result<> written = store_.Write(
        [&](WriteTransaction& transaction) -> Result<> {
          for (const auto& [image, pulled] : slice) {
            // Another process, or this one before it began anew, has perhaps written a short time ago.
            const Timestamp unless_since = all ? pulled : transaction.now() - kWrittenAtMostEvery;
            TRY(metadata::SetLastPulled(transaction, image.ref, image.digest, pulled, unless_since));
          }
          return {};
        },
        WritePriority::kBackground);
    if (!written) {
      PutBack(times);
      return written;
    }
  }
  return {};
}

Result<> Pulls::FlushTimes() { return FlushTimes(false); }

Result<> Pulls::FlushEvents() {
  std::vector<Pull> pulls;
  {
    const std::lock_guard lock(queue_mutex_);
    pulls.swap(queue_);
  }
  for (const std::span<const Pull> slice : SlicesOf(pulls))
    TRY(store_.Write(
        [&](WriteTransaction& transaction) -> Result<> {
          for (const Pull& pull : slice) {
            const auto image =
                TRY(metadata::FindManifest(transaction.session(), pull.image.ref, pull.image.digest));
            if (image) TRY(AnnouncePull(transaction, outbox_, pull.image.ref, *image, pull.tag, pull.time));
          }
          return {};
        },
        WritePriority::kBackground));
  return {};
}

Result<> Pulls::FlushAll() {
  Result<> times = FlushTimes(true), events = FlushEvents();
  return times ? events : times;
}

}  // namespace entrepot::registry
