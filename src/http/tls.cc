#include "http/tls.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/check.h"
#include "base/fd.h"
#include "http/tls_context.h"

namespace entrepot::http {
namespace {

std::unexpected<Error> Unusable(const std::string& file, std::string_view what) {
  const unsigned long code = ERR_peek_last_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  ERR_clear_error();
  std::string detail = file + ": " + std::string(what);
  if (reason != nullptr) detail += std::string(" (") + reason + ")";
  return Fail(ErrorCode::kConfiguration, std::move(detail));
}

int SelectHttp11(SSL*, const unsigned char** selected, unsigned char* selected_length,
                 const unsigned char* offered, unsigned offered_length, void*) {
  static constexpr unsigned char kHttp11[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, selected_length, kHttp11, sizeof kHttp11, offered, offered_length) !=
      OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *selected = chosen;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

Result<std::shared_ptr<TlsContext>> TlsContext::Load(std::string certificate_file, std::string key_file) {
  auto context = std::make_shared<OpenSslContext>(std::move(certificate_file), std::move(key_file));
  TRY(context->ReloadIfChanged());
  return context;
}

OpenSslContext::OpenSslContext(std::string certificate_file, std::string key_file)
    : certificate_file_(std::move(certificate_file)), key_file_(std::move(key_file)) {}

OpenSslContext::Stamp OpenSslContext::StampOf(const std::string& file) {
  struct stat status{};
  if (::stat(file.c_str(), &status) != 0) return {-1};
  return {static_cast<long long>(status.st_ino), status.st_size, status.st_ctim.tv_sec,
          status.st_ctim.tv_nsec};
}

Result<std::shared_ptr<SSL_CTX>> OpenSslContext::Read() const {
  ERR_clear_error();
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  CHECK(context != nullptr);
  SSL_CTX_set_options(context.get(),
                      SSL_OP_ENABLE_KTLS | SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_read_ahead(context.get(), 1);  // a record in one read, not its head and then the rest
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_alpn_select_cb(context.get(), SelectHttp11, nullptr);
  if (SSL_CTX_use_certificate_chain_file(context.get(), certificate_file_.c_str()) != 1)
    return Unusable(certificate_file_, "not a readable PEM certificate chain");
  if (SSL_CTX_use_PrivateKey_file(context.get(), key_file_.c_str(), SSL_FILETYPE_PEM) != 1)
    return Unusable(key_file_, "not a readable PEM private key, or not the certificate's");
  if (SSL_CTX_check_private_key(context.get()) != 1)
    return Unusable(key_file_, "not the key of the certificate");
  return context;
}

Result<bool> OpenSslContext::ReloadIfChanged() {
  const Stamp certificate = StampOf(certificate_file_), key = StampOf(key_file_);
  {
    std::lock_guard lock(mutex_);
    if (certificate == certificate_stamp_ && key == key_stamp_) return false;
    // Remembered before they are read: a bad pair is reported once, and again only when it changes.
    certificate_stamp_ = certificate;
    key_stamp_ = key;
  }
  auto context = TRY(Read());
  std::lock_guard lock(mutex_);
  context_ = std::move(context);
  return true;
}

std::shared_ptr<SSL> OpenSslContext::NewSession(int socket) const {
  std::shared_ptr<SSL_CTX> context;
  {
    std::lock_guard lock(mutex_);
    context = context_;
  }
  std::shared_ptr<SSL> session(SSL_new(context.get()), SSL_free);
  CHECK(session != nullptr);
  CHECK(SSL_set_fd(session.get(), socket) == 1);
  SSL_set_accept_state(session.get());
  return session;
}

bool KernelTlsAvailable() {
  const UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  return ::bind(listener.get(), generic, length) == 0 && ::listen(listener.get(), 1) == 0 &&
         ::getsockname(listener.get(), generic, &length) == 0 &&
         ::connect(client.get(), generic, length) == 0 &&
         ::setsockopt(client.get(), IPPROTO_TCP, TCP_ULP, "tls", 3) == 0;
}

}  // namespace entrepot::http
