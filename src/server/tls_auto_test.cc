#include "server/tls_auto.h"

#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "server/small_files.h"

namespace entrepot::server {
namespace {

using std::chrono::days;
using testing::IsSupersetOf;

const std::vector<std::string> kTestNames{"localhost", "127.0.0.1", "::1",
                                          "*.dkr.ecr.us-west-2.registry.example"};

X509* ReadCertificate(const std::filesystem::path& file) {
  const std::string text = ReadSmallFile(file).value();
  BIO* memory = BIO_new_mem_buf(text.data(), static_cast<int>(text.size()));
  X509* certificate = PEM_read_bio_X509(memory, nullptr, nullptr, nullptr);
  BIO_free(memory);
  return certificate;
}

// What a client does: the chain up to the authority, the purpose, the strict rules, and the name.
bool ClientAccepts(const TlsFiles& files, const std::string& name, Timestamp at) {
  X509_STORE* store = X509_STORE_new();
  X509_STORE_CTX* context = X509_STORE_CTX_new();
  X509 *authority = ReadCertificate(files.authority), *certificate = ReadCertificate(files.certificate);
  X509_STORE_add_cert(store, authority);
  X509_STORE_CTX_init(context, store, certificate, nullptr);
  X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context);
  X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_X509_STRICT);
  X509_VERIFY_PARAM_set_purpose(parameters, X509_PURPOSE_SSL_SERVER);
  X509_VERIFY_PARAM_set_time(parameters, at.micros / 1'000'000);
  if (IsNumericAddress(name))
    X509_VERIFY_PARAM_set1_ip_asc(parameters, name.c_str());
  else
    X509_VERIFY_PARAM_set1_host(parameters, name.c_str(), 0);
  const bool accepted = X509_verify_cert(context) == 1;
  X509_free(certificate);
  X509_free(authority);
  X509_STORE_CTX_free(context);
  X509_STORE_free(store);
  return accepted;
}

class TlsAutoTest : public testing::Test {
 protected:
  TlsAutoTest() {
    std::string name = testing::TempDir() + "tls_auto_test_XXXXXX";
    directory_ = ::mkdtemp(name.data());
  }
  ~TlsAutoTest() override { std::filesystem::remove_all(directory_); }

  TlsFiles Ensure(const std::vector<std::string>& names = kTestNames) {
    const auto files = EnsureCertificate(directory_, names, clock_);
    EXPECT_TRUE(files) << files.error().ToString();
    return *files;
  }
  std::string Content(const std::filesystem::path& file) { return ReadSmallFile(file).value(); }

  std::filesystem::path directory_;
  ManualClock clock_;
};

TEST_F(TlsAutoTest, ClientsThatTrustTheAuthorityAcceptTheNames) {
  const TlsFiles files = Ensure();
  for (const char* name :
       {"localhost", "127.0.0.1", "::1", "123456789012.dkr.ecr.us-west-2.registry.example"})
    EXPECT_TRUE(ClientAccepts(files, name, clock_.Now())) << name;
  for (const char* name : {"127.0.0.2", "registry.example", "a.b.dkr.ecr.us-west-2.registry.example"})
    EXPECT_FALSE(ClientAccepts(files, name, clock_.Now())) << name;
}

TEST_F(TlsAutoTest, KeysAreForTheOwnerOnly) {
  Ensure();
  for (const char* name : {"ca.key", "server.key"}) {
    struct stat status{};
    ASSERT_EQ(::stat((directory_ / name).c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u) << name;
  }
}

TEST_F(TlsAutoTest, OpenSslServesThePair) {
  const TlsFiles files = Ensure();
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  EXPECT_EQ(SSL_CTX_use_certificate_chain_file(context, files.certificate.c_str()), 1);
  EXPECT_EQ(SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM), 1);
  EXPECT_EQ(SSL_CTX_check_private_key(context), 1);
  SSL_CTX_free(context);
}

TEST_F(TlsAutoTest, IsKeptUntilItsLastThirtyDaysThenMadeAnewUnderTheSameAuthority) {
  const TlsFiles files = Ensure();
  const std::string first = Content(files.certificate), authority = Content(files.authority);
  clock_.Advance(days(59));
  Ensure();
  EXPECT_EQ(Content(files.certificate), first);
  clock_.Advance(days(2));
  Ensure();
  EXPECT_NE(Content(files.certificate), first);
  EXPECT_EQ(Content(files.authority), authority);
  EXPECT_TRUE(ClientAccepts(files, "localhost", clock_.Now() + days(89)));
}

TEST_F(TlsAutoTest, NewNamesMakeANewCertificate) {
  const TlsFiles files = Ensure();
  EXPECT_FALSE(ClientAccepts(files, "registry.test", clock_.Now()));
  Ensure({"localhost", "registry.test"});
  EXPECT_TRUE(ClientAccepts(files, "registry.test", clock_.Now()));
}

TEST_F(TlsAutoTest, ACertificateOfAnotherAuthorityIsReplaced) {
  const TlsFiles files = Ensure();
  std::filesystem::remove(files.authority);
  std::filesystem::remove(directory_ / "ca.key");
  clock_.Advance(std::chrono::seconds(2));
  Ensure();
  EXPECT_TRUE(ClientAccepts(files, "localhost", clock_.Now()));
}

TEST_F(TlsAutoTest, ADamagedServerCertificateIsReplacedADamagedAuthorityIsNot) {
  const TlsFiles files = Ensure();
  std::ofstream(files.certificate) << "damaged";
  Ensure();
  EXPECT_TRUE(ClientAccepts(files, "localhost", clock_.Now()));
  std::ofstream(files.authority) << "damaged";
  const auto refused = EnsureCertificate(directory_, kTestNames, clock_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kConfiguration);
  EXPECT_EQ(Content(files.authority), "damaged");
}

TEST_F(TlsAutoTest, AnExpiringAuthoritySaysWhatToDo) {
  Ensure();
  clock_.Advance(days(3600));
  const auto refused = EnsureCertificate(directory_, kTestNames, clock_);
  ASSERT_FALSE(refused);
  EXPECT_THAT(std::string(refused.error().fact("detail")), testing::HasSubstr("expires within 90 days"));
}

TEST(CertificateNamesTest, CoverListenersDomainAndLoopback) {
  Config config;
  config.account_id = AccountId::Trusted("123456789012");
  config.region = Region::Trusted("us-west-2");
  config.listen = {{"192.0.2.7", 5000}};
  config.tls_names = {"registry.test"};
  EXPECT_THAT(CertificateNames(config),
              testing::UnorderedElementsAre("localhost", "127.0.0.1", "::1", "192.0.2.7", "registry.test"));
  config.domain = "registry.example";
  config.regions = {Region::Trusted("eu-west-1"), Region::Trusted("us-west-2")};
  EXPECT_THAT(CertificateNames(config),
              IsSupersetOf({"123456789012.dkr.ecr.us-west-2.registry.example",
                            "*.dkr.ecr.eu-west-1.registry.example", "api.ecr.us-west-2.registry.example"}));
  config.listen = {{"0.0.0.0", 5000}};
  char host[256] = "";
  ASSERT_EQ(::gethostname(host, sizeof host), 0);
  EXPECT_THAT(CertificateNames(config), testing::Contains(std::string(host)));
}

}  // namespace
}  // namespace entrepot::server
