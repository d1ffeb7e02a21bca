// TLS over real sockets: handshake, the server name's check, reload, bodies through OpenSSL.

#include <fcntl.h>
#include <fstream>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "http/record_batch.h"
#include "http/test_server.h"
#include "http/tls.h"
#include "http/tls_context.h"

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
                     int version = 0, int receive_buffer = 0)
      : client_(port, false, receive_buffer),
        context_(SSL_CTX_new(TLS_client_method())),
        session_(SSL_new(context_.get())) {
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
  Answered Ask(std::string_view request) { return Send(request) ? Receive() : Answered{}; }
  Answered Receive() {
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
    answer.body = received_.substr(0, std::stoull(length));
    received_.erase(0, answer.body.size());
    return answer;
  }
  /// The records of a request, not sent.
  std::string Sealed(std::string_view request) {
    std::vector<std::uint8_t> memory(RecordBatch::kRecord);
    RecordBatch batch(session_.get(), memory);
    iovec part{const_cast<char*>(request.data()), request.size()};
    std::span<iovec> parts(&part, 1);
    const Bytes records = batch.Seal(parts);
    return {reinterpret_cast<const char*>(records.data()), records.size()};
  }
  const std::string& received() const { return received_; }
  bool EndsByReset() {
    while (More()) {
    }
    return errno == ECONNRESET && SSL_get_shutdown(session_.get()) == 0;
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

TEST_F(ServerTlsTest, RecordsThatArriveTogetherAndInPiecesAreAllRead) {
  Start();
  for (const std::size_t cut : {1u, 5u, 6u, 40u}) {
    SCOPED_TRACE(cut);
    TlsClient one(port, "localhost");
    const std::string two = one.Sealed(kGetInline) + one.Sealed(kGetInline), last = one.Sealed(kGetInline);
    ASSERT_TRUE(one.socket().Send(two + last.substr(0, cut)));
    for (int i = 0; i < 2; ++i) EXPECT_EQ(one.Receive().body, "inline");
    ASSERT_TRUE(one.socket().Send(last.substr(cut)));
    EXPECT_EQ(one.Receive().body, "inline");
  }
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

/// Gives `text`; fails where it ends too early.
class TextSource : public BodySource {
 public:
  TextSource(const std::string& text, std::uint64_t length) : text_(text), length_(length) {}
  std::uint64_t length() const override { return length_; }
  Result<std::size_t> Read(MutableBytes out) override {
    const std::size_t count = std::min(out.size(), text_.size() - read_);
    if (count == 0) return Fail(ErrorCode::kDamaged);
    std::memcpy(out.data(), text_.data() + read_, count);
    read_ += count;
    return count;
  }

 private:
  const std::string& text_;
  const std::uint64_t length_;
  std::size_t read_ = 0;
};

/// Bodies of the same bytes: a source's under /source, a file's elsewhere.
class TlsBodyTest : public ServerTlsTest {
 protected:
  TlsBodyTest() {
    std::ofstream(path_, std::ios::binary) << content_;
    file_ = std::make_shared<UniqueFd>(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    handler.handle = [this](const RequestHead& head, std::string, bool) {
      Response response;
      if (head.path == "/source")
        response.body = std::make_unique<TextSource>(content_, length_);
      else
        response.body = FileRange{file_, 0, length_};
      return response;
    };
  }

  static constexpr std::array<std::string_view, 2> kGets = {"GET /source HTTP/1.1\r\nHost: localhost\r\n\r\n",
                                                            "GET /file HTTP/1.1\r\nHost: localhost\r\n\r\n"};
  const std::string content_ = Pattern((12 << 20) + 77);
  const std::string path_ = directory_ / "body";
  std::shared_ptr<const UniqueFd> file_;
  std::uint64_t length_ = content_.size();
};

TEST_F(TlsBodyTest, EveryLengthArrivesAndTheConnectionGoesOn) {
  Start();
  for (const int version : {TLS1_3_VERSION, TLS1_2_VERSION}) {
    TlsClient client(port, "localhost", "http/1.1", version);
    for (const std::size_t length :
         std::initializer_list<std::size_t>{1, 16 << 10, (32 << 10) + 1, 4 * RecordBatch::kRecordPlain,
                                            64 << 10, (256 << 10) + 1, content_.size()}) {
      length_ = length;
      for (const std::string_view get : kGets) {
        EXPECT_TRUE(client.Ask(get).body == content_.substr(0, length)) << get << length;
        EXPECT_EQ(client.Ask(kGetInline).body, "inline");
      }
    }
  }
}

TEST_F(TlsBodyTest, ASlowReaderGetsEveryByteInPieces) {
  Start();
  for (const std::string_view get : kGets) {
    TlsClient client(port, "localhost", "http/1.1", 0, 4096);
    EXPECT_TRUE(client.Ask(get).body == content_) << get;
    EXPECT_EQ(client.Ask(kGetInline).body, "inline");
  }
}

TEST_F(TlsBodyTest, ABodyThatFailsNeverLooksComplete) {
  Start();
  length_ = content_.size() + (1 << 20);
  for (const std::string_view get : kGets) {
    TlsClient client(port, "localhost");
    ASSERT_TRUE(client.Send(get));
    EXPECT_TRUE(client.EndsByReset()) << get;
    EXPECT_LE(client.received().size(), content_.size() + 1000) << get;
  }
}

TEST_F(TlsBodyTest, AClientThatGoesGivesItsMemoryBack) {
  options.limits.body_memory = 4 << 20;
  Start();
  for (int i = 0; i < 40; ++i) {  // forty times 132 KiB, or 580, would not fit if it stayed away
    TlsClient client(port, "localhost", "http/1.1", 0, 4096);
    ASSERT_TRUE(client.Send(kGets[i % 2]));
    ASSERT_TRUE(Eventually([&] { return handler.handled == i + 1; }));
    client.socket().Reset();
  }
  for (const std::string_view get : kGets)
    EXPECT_TRUE(TlsClient(port, "localhost").Ask(get).body == content_) << get;
}

TEST_F(TlsBodyTest, ManyReadersShareTheBudget) {
  options.limits.body_memory = 4 << 20;
  Start();
  std::vector<std::thread> threads;
  for (int i = 0; i < 20; ++i)
    threads.emplace_back(
        [this, i] { EXPECT_TRUE(TlsClient(port, "localhost").Ask(kGets[i % 2]).body == content_); });
  for (std::thread& thread : threads) thread.join();
}

TEST_F(TlsBodyTest, ABatchIsAsManyRecordsAsFitAndThenTheSocketIsWrittenAgain) {
  int sockets[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
  const UniqueFd ours(sockets[0]), theirs(sockets[1]);
  const auto session = static_cast<const OpenSslContext&>(*tls_).NewSession(ours.get());
  std::string received;
  std::thread reader([&received, &theirs] {
    const std::unique_ptr<SSL_CTX, Freed<SSL_CTX_free>> context(SSL_CTX_new(TLS_client_method()));
    const std::unique_ptr<SSL, Freed<SSL_free>> client(SSL_new(context.get()));
    SSL_set_fd(client.get(), theirs.get());
    SSL_connect(client.get());
    char chunk[16384];
    std::size_t count = 0;
    while (SSL_read_ex(client.get(), chunk, sizeof chunk, &count) == 1) received.append(chunk, count);
  });
  EXPECT_EQ(SSL_do_handshake(session.get()), 1);
  {
    std::vector<std::uint8_t> memory(3 * RecordBatch::kRecord);
    RecordBatch batch(session.get(), memory);
    std::string head = "head", nothing;
    std::array<iovec, 3> list{iovec{nothing.data(), 0}, iovec{head.data(), head.size()},
                              iovec{const_cast<char*>(content_.data()), 5 * RecordBatch::kRecordPlain}};
    std::span<iovec> parts(list);
    std::vector<std::size_t> left;
    while (!parts.empty()) {
      const Bytes records = batch.Seal(parts);
      ASSERT_FALSE(records.empty());
      EXPECT_EQ(::send(ours.get(), records.data(), records.size(), 0), static_cast<ssize_t>(records.size()));
      left.push_back(parts.empty() ? 0 : parts[0].iov_len);
    }
    EXPECT_EQ(left, (std::vector<std::size_t>{2 * RecordBatch::kRecordPlain, 0}));
  }
  EXPECT_EQ(SSL_write(session.get(), "end", 3), 3);
  SSL_shutdown(session.get());
  reader.join();
  EXPECT_TRUE(received == "head" + content_.substr(0, 5 * RecordBatch::kRecordPlain) + "end");
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
