#pragma once

// TLS records that leave several at a time. It exists while one body is sent, on its connection's thread.

#include <span>
#include <sys/uio.h>

#include <openssl/bio.h>

#include "base/bytes.h"

namespace entrepot::http {

/// As long as it lives, what its session writes goes into `memory` instead of the socket. The session has
/// sent all that it had before, and nobody else writes to it or reads from it meanwhile.
class RecordBatch {
 public:
  /// The most bytes that a record carries. A little less than TLS allows: with what TLS adds, four records
  /// fill the largest segment that a socket sends (64 KiB less the heads), instead of one and a bit of the
  /// next.
  static constexpr std::size_t kRecordPlain = (16u << 10) - 48;
  /// What a record needs in `memory`, with the most that TLS may add.
  static constexpr std::size_t kRecord = kRecordPlain + 256;

  /// `memory` holds one record at least, and outlives the batch.
  RecordBatch(SSL* session, MutableBytes memory);
  RecordBatch(const RecordBatch&) = delete;
  ~RecordBatch();

  /// Seals as many records as fit from the front of `parts`, which it changes as it goes. The records, to be
  /// sent before the next call; empty when the session has failed.
  Bytes Seal(std::span<iovec>& parts);

 private:
  static const BIO_METHOD* Method();
  static int Append(BIO* bio, const char* data, int length);

  SSL* const session_;
  const MutableBytes memory_;
  std::size_t used_ = 0;
};

/// Takes `bytes` from the front of `parts`, and the parts that become empty.
void Advance(std::span<iovec>& parts, std::size_t bytes);

}  // namespace entrepot::http
