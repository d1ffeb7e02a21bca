#pragma once

// The digests of a stream, and their state where a checkpoint may stand: at the last settled chunk boundary,
// and behind each run of chunks. One thread at a time.

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "base/hasher.h"
#include "base/result.h"
#include "blobs/format.h"

namespace entrepot::blobs {

class StreamHash {
 public:
  StreamHash(Suite suite, bool sha512);
  /// Goes on from the states at `settled`; kDamaged when they are not what ExportState gave, SHA-256 among
  /// them.
  static Result<StreamHash> FromStates(Suite suite, std::uint64_t settled,
                                       const std::vector<ByteVector>& states);

  /// The end of a run that at least one byte has followed.
  struct Mark {
    std::uint64_t settled = 0;
    std::vector<ByteVector> states;
    std::uint8_t next = 0;  // the byte behind it
  };

  void Update(Bytes plain);
  /// Those passed since the last call, in order.
  std::vector<Mark> TakeMarks() { return std::exchange(marks_, {}); }
  std::uint64_t received() const { return received_; }
  std::uint64_t settled() const { return SettledContent(suite_, received_); }
  /// The states there.
  const std::vector<ByteVector>& settled_states() const { return settled_states_; }
  /// Nothing when that algorithm is not computed.
  std::optional<Digest> Value(HashAlgorithm algorithm) const;

 private:
  StreamHash(Suite suite, std::vector<Hasher> hashers, std::uint64_t received);
  void UpdateAll(Bytes plain);
  void KeepStates();
  std::vector<ByteVector> States() const;

  Suite suite_;
  std::vector<Hasher> hashers_;
  std::uint64_t received_ = 0;
  std::vector<ByteVector> settled_states_;
  std::uint64_t next_mark_;
  std::vector<Mark> marks_;
};

}  // namespace entrepot::blobs
