#include "http/record_batch.h"

#include <algorithm>
#include <cstring>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/check.h"

namespace entrepot::http {

RecordBatch::RecordBatch(SSL* session, MutableBytes memory) : session_(session), memory_(memory) {
  CHECK(memory.size() >= kRecord);
  BIO* const bio = BIO_new(Method());
  CHECK(bio != nullptr);
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set0_wbio(session, bio);
}

RecordBatch::~RecordBatch() {
  BIO* const socket = SSL_get_rbio(session_);
  CHECK(BIO_up_ref(socket) == 1);
  SSL_set0_wbio(session_, socket);
}

Bytes RecordBatch::Seal(std::span<iovec>& parts) {
  used_ = 0;
  Advance(parts, 0);
  while (!parts.empty() && memory_.size() - used_ >= kRecord) {
    std::size_t sealed = 0;
    ERR_clear_error();
    const std::size_t length = std::min(parts[0].iov_len, kRecordPlain);
    if (SSL_write_ex(session_, parts[0].iov_base, length, &sealed) != 1) return {};
    Advance(parts, sealed);
  }
  return memory_.first(used_);
}

const BIO_METHOD* RecordBatch::Method() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "records");
    CHECK(made != nullptr);
    BIO_meth_set_write(made, Append);
    BIO_meth_set_ctrl(made, [](BIO*, int command, long, void*) -> long { return command == BIO_CTRL_FLUSH; });
    return made;
  }();
  return method;
}

int RecordBatch::Append(BIO* bio, const char* data, int length) {
  auto& batch = *static_cast<RecordBatch*>(BIO_get_data(bio));
  const auto size = static_cast<std::size_t>(length);
  if (size > batch.memory_.size() - batch.used_) return -1;
  std::memcpy(batch.memory_.data() + batch.used_, data, size);
  batch.used_ += size;
  return length;
}

void Advance(std::span<iovec>& parts, std::size_t bytes) {
  while (!parts.empty() && bytes >= parts[0].iov_len) {
    bytes -= parts[0].iov_len;
    parts = parts.subspan(1);
  }
  if (parts.empty()) return;
  parts[0].iov_base = static_cast<char*>(parts[0].iov_base) + bytes;
  parts[0].iov_len -= bytes;
}

}  // namespace entrepot::http
