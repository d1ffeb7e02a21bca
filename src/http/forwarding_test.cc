#include "http/forwarding.h"

#include "http/test_server.h"

namespace entrepot::http {
namespace {

TrustedProxies Proxies() {
  return {*AddressRange::Parse("10.0.0.0/8"), *AddressRange::Parse("2001:db8:1::/48")};
}

using Fields = std::vector<HeaderField>;

// "address scheme host" as believed, "nothing", or the refusal's status.
std::string Believed(const Fields& fields) {
  const auto client = ReadForwarding(fields, *IpAddress::Parse("10.0.0.1"), Proxies());
  if (!client) return std::to_string(client.error().status);
  if (!*client) return "nothing";
  const ForwardedClient& who = **client;
  return who.address.ToString() + (who.tls ? *who.tls ? " https" : " http" : " -") + " " +
         (who.host.empty() ? "-" : std::string(who.host));
}
std::string Standard(std::string_view value) { return Believed({{"forwarded", value}}); }
std::string For(std::string_view value) { return Believed({{"x-forwarded-for", value}}); }

TEST(Forwarding, SaysNothingOfARequestThatIsTheProxysOwn) {
  EXPECT_EQ(Believed({}), "nothing");
  EXPECT_EQ(Believed({{"X-Forwarded-For", ""}, {"Forwarded", ""}, {"Via", "1.1 a"}}), "nothing");
}

TEST(Forwarding, TheClientIsTheRightmostAddressThatIsNoProxys) {
  EXPECT_EQ(For("203.0.113.7"), "203.0.113.7 - -");
  EXPECT_EQ(For("198.51.100.1, 203.0.113.7"), "203.0.113.7 - -") << "a client's own invention is left of it";
  EXPECT_EQ(For("198.51.100.1, 203.0.113.7, 10.2.3.4,2001:db8:1::5"), "203.0.113.7 - -");
  EXPECT_EQ(For("10.9.9.9, 10.2.3.4"), "10.9.9.9 - -") << "all are proxies: the outermost asks";
  EXPECT_EQ(Believed({{"X-Forwarded-For", "198.51.100.1"}, {"X-Forwarded-For", "203.0.113.7"}}),
            "203.0.113.7 - -");
  EXPECT_EQ(Standard("for=198.51.100.1, for=203.0.113.7;by=10.0.0.9, for=10.0.0.9"), "203.0.113.7 - -");
}

TEST(Forwarding, TakesAddressesAsProxiesWriteThem) {
  EXPECT_EQ(For("203.0.113.7:4711"), "203.0.113.7 - -");
  EXPECT_EQ(For("2001:db8::7"), "2001:db8::7 - -");
  EXPECT_EQ(For("[2001:db8::7]"), "2001:db8::7 - -");
  EXPECT_EQ(For("[2001:db8::7]:4711"), "2001:db8::7 - -");
  EXPECT_EQ(For("::ffff:203.0.113.7"), "203.0.113.7 - -");
  EXPECT_EQ(For(" ,203.0.113.7 , "), "203.0.113.7 - -");
  EXPECT_EQ(Standard("For=\"[2001:db8::7]:4711\""), "2001:db8::7 - -");
  EXPECT_EQ(Standard("for=\"203.0.113.7:_x1\""), "203.0.113.7 - -");
}

TEST(Forwarding, AHiddenAddressLeavesTheProxyThatHidIt) {
  EXPECT_EQ(For("198.51.100.1, unknown"), "10.0.0.1 - -");
  EXPECT_EQ(For("198.51.100.1, unknown, 10.2.3.4"), "10.2.3.4 - -");
  EXPECT_EQ(Standard("for=_hidden;proto=https"), "10.0.0.1 https -");
  EXPECT_EQ(Standard("proto=https;host=a.test"), "10.0.0.1 https a.test");
}

TEST(Forwarding, SchemeAndHostAreTheOutermostBelievedProxys) {
  EXPECT_EQ(Believed({{"X-Forwarded-For", "203.0.113.7"},
                      {"X-Forwarded-Proto", "HTTPS"},
                      {"X-Forwarded-Host", "registry.test:8443"}}),
            "203.0.113.7 https registry.test:8443");
  EXPECT_EQ(Believed({{"X-Forwarded-For", "203.0.113.7, 10.2.3.4"},
                      {"X-Forwarded-Proto", "http, https, http"},
                      {"X-Forwarded-Host", "evil.test, registry.test, inner.test"}}),
            "203.0.113.7 https registry.test");
  EXPECT_EQ(Believed({{"X-Forwarded-For", "203.0.113.7, 10.2.3.4"}, {"X-Forwarded-Proto", "https"}}),
            "203.0.113.7 https -")
      << "set by one proxy, appended to by none";
  EXPECT_EQ(Believed({{"X-Forwarded-For", "203.0.113.7"}, {"X-Forwarded-Host", "evil.test, registry.test"}}),
            "203.0.113.7 - registry.test");
  EXPECT_EQ(Believed({{"X-Forwarded-Proto", "https"}}), "10.0.0.1 https -");
  EXPECT_EQ(Standard("for=198.51.100.1;host=evil.test;proto=http, "
                     "for=203.0.113.7;proto=https;host=\"registry.test:8443\", for=10.2.3.4;host=inner.test"),
            "203.0.113.7 https registry.test:8443");
}

TEST(Forwarding, RefusesWhatTwoReadersCouldUnderstandDifferently) {
  for (const std::string_view node :
       {"nowhere", "203.0.113", "203.0.113.7:", "203.0.113.7:a", "203.0.113.7:123456", "[203.0.113.7]",
        "[2001:db8::7", "[2001:db8::7]4", "fe80::1%eth0", "0x7f.1"})
    EXPECT_EQ(For(node), "400") << node;
  EXPECT_EQ(For("nowhere, 203.0.113.7"), "203.0.113.7 - -") << "nobody believes that far";
  for (const std::string_view value :
       {"for", "for=", "for=\"", "for=\"203.0.113.7", "for=203.0.113.7;for=203.0.113.8", "for=[2001:db8::7]",
        "=203.0.113.7", "for=\"\"", "for = 203.0.113.7", "for=203.0.113.7 proto=https", "proto=gopher",
        "host=\"a/b\"", "host=\"a\\\"b\"", "fo(r=1"})
    EXPECT_EQ(Standard(value), "400") << value;
  EXPECT_EQ(Believed({{"X-Forwarded-Proto", "wss"}}), "400");
  EXPECT_EQ(Believed({{"X-Forwarded-Host", "a/b"}}), "400");
  EXPECT_EQ(Believed({{"Forwarded", "for=198.51.100.1;x=\""}, {"Forwarded", "for=203.0.113.7"}}), "400");
}

TEST(Forwarding, BothFamiliesMustSayTheSame) {
  EXPECT_EQ(Believed({{"Forwarded", "for=203.0.113.7"}, {"X-Forwarded-For", "203.0.113.7"}}),
            "203.0.113.7 - -");
  EXPECT_EQ(Believed({{"Forwarded", "for=203.0.113.8"}, {"X-Forwarded-For", "203.0.113.7"}}), "400");
  EXPECT_EQ(Believed({{"Forwarded", "for=203.0.113.7;proto=https"}, {"X-Forwarded-For", "203.0.113.7"}}),
            "400");
}

TEST(Forwarding, OtherParametersAndSpacesAreSkipped) {
  EXPECT_EQ(Standard(" for=203.0.113.7 ; by=\"[::1]:5\";; secret=\"a,b;c\" ,"), "203.0.113.7 - -");
}

// ---- through a server

class ForwardingServerTest : public testing::Test, public TestServer {
 protected:
  std::string Seen(std::string_view trusted, std::string_view fields) {
    options.trusted_proxies = {*AddressRange::Parse(std::string(trusted))};
    handler.try_answer = [](const RequestHead& head, Response& response) {
      const Peer& asker = *head.peer;
      response = TextResponse(200, "text/plain",
                              asker.address + (asker.tls ? " https " : " http ") + std::string(head.host) +
                                  " " + std::string(head.Header("Host")));
      return true;
    };
    Start();
    const Answered answer =
        TestClient(port).Ask("GET / HTTP/1.1\r\nHost: inner.test\r\n" + std::string(fields) + "\r\n");
    return answer.status == 200 ? answer.body : std::to_string(answer.status);
  }
};

constexpr std::string_view kFields =
    "X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: outer.test\r\n";

TEST_F(ForwardingServerTest, BelievesATrustedProxy) {
  EXPECT_EQ(Seen("127.0.0.0/8", kFields), "203.0.113.7 https outer.test outer.test");
}
TEST_F(ForwardingServerTest, IgnoresAnybodyElse) {
  EXPECT_EQ(Seen("10.0.0.0/8", kFields), "127.0.0.1 http inner.test inner.test");
}
TEST_F(ForwardingServerTest, IgnoresWhatIsMalformedOfAnybodyElse) {
  EXPECT_EQ(Seen("10.0.0.0/8", "Forwarded: for=\"\r\n"), "127.0.0.1 http inner.test inner.test");
}
TEST_F(ForwardingServerTest, RefusesWhatIsMalformed) {
  EXPECT_EQ(Seen("127.0.0.1", "Forwarded: for=\"\r\n"), "400");
}

}  // namespace
}  // namespace entrepot::http
