// TLS over real sockets: handshake, the server name's check, reload, bodies through OpenSSL.

#include <fcntl.h>
#include <fstream>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "http/test_server.h"
#include "http/tls.h"

namespace entrepot::http {
namespace {

template <auto Free>
struct Freed {
  void operator()(auto* object) const { Free(object); }
};
using KeyPointer = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using CertificatePointer = std::unique_ptr<X509, Freed<X509_free>>;
using FilePointer = std::unique_ptr<std::FILE, Freed<std::fclose>>;

/// Writes a self-signed certificate with that serial number, and its key.
void WriteCertificate(const std::string& certificate_file, const std::string& key_file, long serial) {
  const KeyPointer key(EVP_EC_gen("P-256"));
  const CertificatePointer certificate(X509_new());
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_set_pubkey(certificate.get(), key.get());
  X509_NAME* name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("localhost"),
                             -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  ASSERT_GT(X509_sign(certificate.get(), key.get(), EVP_sha256()), 0);
  const FilePointer certificate_out(std::fopen(certificate_file.c_str(), "w"));
  ASSERT_EQ(PEM_write_X509(certificate_out.get(), certificate.get()), 1);
  const FilePointer key_out(std::fopen(key_file.c_str(), "w"));
  ASSERT_EQ(PEM_write_PrivateKey(key_out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr), 1);
}

class TlsClient {
 public:
  explicit TlsClient(std::uint16_t port, const char* server_name = nullptr, const char* protocol = "http/1.1",
                     int version = 0)
      : client_(port), context_(SSL_CTX_new(TLS_client_method())), session_(SSL_new(context_.get())) {
    if (version != 0) SSL_set_max_proto_version(session_.get(), version);
    std::string offer = std::string(1, static_cast<char>(std::strlen(protocol))) + protocol;
    SSL_set_alpn_protos(session_.get(), reinterpret_cast<const unsigned char*>(offer.data()),
                        static_cast<unsigned>(offer.size()));
    if (server_name != nullptr) SSL_set_tlsext_host_name(session_.get(), server_name);
    SSL_set_fd(session_.get(), client_.fd());
    connected_ = SSL_connect(session_.get()) == 1;
  }

  bool connected() const { return connected_; }
  TestClient& socket() { return client_; }
  std::string_view protocol() const {
    const unsigned char* text = nullptr;
    unsigned length = 0;
    SSL_get0_alpn_selected(session_.get(), &text, &length);
    return {reinterpret_cast<const char*>(text), length};
  }
  long serial() const {
    const CertificatePointer certificate(SSL_get1_peer_certificate(session_.get()));
    return ASN1_INTEGER_get(X509_get0_serialNumber(certificate.get()));
  }

  bool Send(std::string_view bytes) {
    std::size_t sent = 0;
    return SSL_write_ex(session_.get(), bytes.data(), bytes.size(), &sent) == 1;
  }
  Answered Ask(std::string_view request) {
    if (!Send(request)) return {};
    Answered answer;
    std::size_t end = 0;
    while ((end = received_.find("\r\n\r\n")) == received_.npos)
      if (!More()) return answer;
    answer.head = received_.substr(0, end + 2);
    received_.erase(0, end + 4);
    answer.status = std::atoi(answer.head.c_str() + 9);
    const std::string length = answer.Field("Content-Length");
    while (received_.size() < std::stoull(length))
      if (!More()) return {};
    answer.body = std::exchange(received_, "");
    return answer;
  }
  bool EndsCleanly() {
    while (More()) {
    }
    return SSL_get_shutdown(session_.get()) == SSL_RECEIVED_SHUTDOWN;
  }

 private:
  bool More() {
    char chunk[16384];
    std::size_t count = 0;
    if (SSL_read_ex(session_.get(), chunk, sizeof chunk, &count) != 1) return false;
    received_.append(chunk, count);
    return true;
  }

  TestClient client_;
  std::unique_ptr<SSL_CTX, Freed<SSL_CTX_free>> context_;
  std::unique_ptr<SSL, Freed<SSL_free>> session_;
  bool connected_ = false;
  std::string received_;
};

class ServerTlsTest : public testing::Test, public TestServer {
 protected:
  ServerTlsTest() {
    WriteCertificate(certificate_file_, key_file_, 1);
    auto loaded = TlsContext::Load(certificate_file_, key_file_);
    if (loaded) tls_ = *loaded;
    options.listen.front().tls = tls_;
  }

  static constexpr std::string_view kGetInline = "GET /inline HTTP/1.1\r\nHost: localhost:5000\r\n\r\n";
  ScratchDirectory directory_;
  const std::string certificate_file_ = directory_ / "certificate.pem";
  const std::string key_file_ = directory_ / "key.pem";
  std::shared_ptr<TlsContext> tls_;
};

TEST_F(ServerTlsTest, ServesBothVersionsAndNothingOlder) {
  Start();
  for (const int version : {TLS1_3_VERSION, TLS1_2_VERSION}) {
    TlsClient client(port, "localhost", "http/1.1", version);
    ASSERT_TRUE(client.connected());
    EXPECT_EQ(client.protocol(), "http/1.1");
    for (int i = 0; i < 3; ++i) EXPECT_EQ(client.Ask(kGetInline).body, "inline");
  }
  EXPECT_FALSE(TlsClient(port, "localhost", "http/1.1", TLS1_1_VERSION).connected());
  EXPECT_FALSE(TlsClient(port, "localhost", "h2").connected());
  EXPECT_EQ(TestClient(port).Ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").status, 0) << "plain HTTP";
}

TEST_F(ServerTlsTest, TellsAHostThatIsNotTheServerName) {
  std::string seen;
  handler.try_answer = [&](const RequestHead& head, Response& response) {
    seen = head.peer->tls ? "tls:" + head.peer->tls_server_name : "plain";
    response = TextResponse(200, "text/plain", "ok");
    return true;
  };
  Start();
  EXPECT_EQ(TlsClient(port, "LocalHost").Ask(kGetInline).status, 200);
  EXPECT_EQ(seen, "tls:LocalHost");
  EXPECT_EQ(TlsClient(port).Ask(kGetInline).status, 200) << "no server name was sent";
  EXPECT_EQ(seen, "tls:");
  TlsClient other(port, "other.example");
  EXPECT_EQ(other.Ask(kGetInline).status, 421);
  EXPECT_TRUE(other.EndsCleanly());
}

TEST_F(ServerTlsTest, MovesBodiesInBothDirections) {
  std::string content(3 << 20, '\0');
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * 7 >> 4);
  const std::string path = directory_ / "blob";
  std::ofstream(path, std::ios::binary) << content;
  const auto file = std::make_shared<UniqueFd>(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  handler.plan = {8 << 20, false};
  handler.handle = [&](const RequestHead& head, std::string body, bool) {
    Response response;
    if (head.path == "/file")
      response.body = FileRange{file, 1, content.size() - 1};
    else if (head.path == "/small")
      response.body = FileRange{file, 5, 100};
    else
      response.body = std::move(body);
    return response;
  };
  Start();
  TlsClient client(port, "localhost");
  EXPECT_TRUE(client.Ask("GET /file HTTP/1.1\r\nHost: localhost\r\n\r\n").body == content.substr(1)) << "hot";
  ::fdatasync(file->get());
  ::posix_fadvise(file->get(), 0, 0, POSIX_FADV_DONTNEED);
  EXPECT_TRUE(client.Ask("GET /file HTTP/1.1\r\nHost: localhost\r\n\r\n").body == content.substr(1))
      << "cold";
  EXPECT_TRUE(client.Ask("GET /small HTTP/1.1\r\nHost: localhost\r\n\r\n").body == content.substr(5, 100));
  const std::string put =
      "PUT /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(content.size()) +
      "\r\n\r\n" + content;
  EXPECT_TRUE(client.Ask(put).body == content);
}

TEST_F(ServerTlsTest, ReloadsWhatWasReplacedAndKeepsTheOldWhenItIsBad) {
  Start();
  TlsClient before(port, "localhost");
  EXPECT_EQ(before.serial(), 1);
  EXPECT_EQ(tls_->ReloadIfChanged(), false);

  WriteCertificate(certificate_file_ + ".new", key_file_ + ".new", 2);
  std::filesystem::rename(certificate_file_ + ".new", certificate_file_);
  const auto mismatch = tls_->ReloadIfChanged();  // the key is still the old one
  ASSERT_FALSE(mismatch);
  EXPECT_EQ(mismatch.error().code(), ErrorCode::kConfiguration);
  EXPECT_EQ(TlsClient(port, "localhost").serial(), 1);
  EXPECT_EQ(tls_->ReloadIfChanged(), false) << "said once";

  std::filesystem::rename(key_file_ + ".new", key_file_);
  EXPECT_EQ(tls_->ReloadIfChanged(), true);
  EXPECT_EQ(TlsClient(port, "localhost").serial(), 2);
  EXPECT_EQ(before.Ask(kGetInline).body, "inline") << "old connections go on";
}

TEST_F(ServerTlsTest, SaysWhichFileIsWrong) {
  const auto missing = TlsContext::Load(directory_ / "absent", key_file_);
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().fact("detail").find("absent"), std::string_view::npos);
  std::ofstream(directory_ / "junk") << "junk";
  const auto junk = TlsContext::Load(certificate_file_, directory_ / "junk");
  ASSERT_FALSE(junk);
  EXPECT_NE(junk.error().fact("detail").find("junk"), std::string_view::npos);
}

TEST_F(ServerTlsTest, CutsOffHandshakesThatDoNotEnd) {
  options.limits.handshake = std::chrono::seconds(1);
  Start();
  TestClient silent(port);
  EXPECT_EQ(silent.ReadToEnd(), TestClient::End::kClean);
  EXPECT_EQ(server->counters().timeouts, 1u);
}

}  // namespace
}  // namespace entrepot::http
