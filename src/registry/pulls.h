#pragma once

// What a pull leaves behind, without a write on its way (design-storage 3.5): when an image was last pulled,
// kept in memory and written every now and then, at most once an image and hour; and, where people asked for
// them, events of pulls, from a bounded queue. A crash loses what was not yet flushed.
//
// Safe from any thread. A note takes a lock of its own for the length of a look-up.

#include <array>
#include <atomic>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "events/outbox.h"
#include "metadata/store.h"
#include "registry/pull_time_exclusions.h"
#include "registry/repository.h"

namespace entrepot::registry {

struct PullCounters {
  std::atomic<std::uint64_t> times_dropped = 0;   // for want of room in memory
  std::atomic<std::uint64_t> events_dropped = 0;  // likewise
};

class Pulls {
 public:
  static constexpr std::chrono::hours kWrittenAtMostEvery{1};

  struct Options {
    bool events = false;           // announce every pull
    std::size_t images = 1 << 17;  // whose times are held at a time
    std::size_t queue = 10'000;    // events
  };
  Pulls(metadata::Store& store, PullTimeExclusions& exclusions, const events::Outbox& outbox, Options options)
      : store_(store),
        exclusions_(exclusions),
        outbox_(outbox),
        options_(options),
        events_(options.events && outbox.enabled()) {}
  Pulls(metadata::Store& store, PullTimeExclusions& exclusions, const events::Outbox& outbox)
      : Pulls(store, exclusions, outbox, Options{}) {}

  /// A manifest is being sent. `reference` is what the caller asked for: a tag, or else a digest. Blocks on
  /// the store when it is not in memory whether the caller's pulls count.
  void Note(const Repository& repository, const Digest& digest, std::string_view reference,
            std::string_view principal_arn);
  /// The same from memory; false, and nothing was noted, where that is not enough. For event loops.
  bool TryNote(const Repository& repository, const Digest& digest, std::string_view reference,
               std::string_view principal_arn);

  /// Writes the times that may be written now.
  Result<> FlushTimes();
  Result<> FlushEvents();
  /// Writes everything: for an orderly stop.
  Result<> FlushAll();

  bool announces() const { return events_; }
  const PullCounters& counters() const { return counters_; }

 private:
  struct Image {
    metadata::RepositoryRef ref;
    Digest digest;
    friend bool operator==(const Image& a, const Image& b) {
      return a.digest == b.digest && a.ref.repository == b.ref.repository && a.ref.registry == b.ref.registry;
    }
  };
  struct ImageHash {
    std::size_t operator()(const Image& image) const {
      return std::hash<Digest>{}(image.digest) ^ static_cast<std::size_t>(image.ref.repository);
    }
  };
  struct Times {
    Timestamp pulled;
    Timestamp written;  // when this process last wrote it; 0 = never
  };
  using TimesByImage = std::unordered_map<Image, Times, ImageHash>;
  struct alignas(64) Shard {
    std::mutex mutex;
    TimesByImage images;
  };
  struct Pull {
    Image image;
    std::string tag;
    Timestamp time;
  };
  using TimeOf = std::pair<Image, Timestamp>;
  static constexpr std::size_t kShards = 16;

  void Remember(const Image& image, std::string_view reference, bool counts);
  void RememberTime(const Image& image, Timestamp now);
  void RememberEvent(const Image& image, std::string_view reference, Timestamp now);
  std::vector<TimeOf> TakeTimes(bool all);
  static TimesByImage TakeShard(Shard& shard);
  static void Keep(Shard& shard, const Image& image, const Times& times);
  void PutBack(const std::vector<TimeOf>& times);
  Result<> FlushTimes(bool all);
  Shard& ShardOf(const Image& image) { return shards_[(ImageHash{}(image) >> 8) % kShards]; }

  metadata::Store& store_;
  PullTimeExclusions& exclusions_;
  const events::Outbox& outbox_;
  const Options options_;
  const bool events_;
  std::mutex flushing_;
  std::array<Shard, kShards> shards_;
  std::mutex queue_mutex_;
  std::vector<Pull> queue_;
  PullCounters counters_;
};

}  // namespace entrepot::registry
