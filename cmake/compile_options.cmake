# The five ways the tree is built (CMakePresets.json names them):
#   dev       assertions, ASan and UBSan      tsan      ThreadSanitizer
#   release   optimised and hardened          coverage  source-based coverage
#   fuzz      libFuzzer with ASan and UBSan
set(ENTREPOT_FLAVOUR "dev" CACHE STRING "dev, tsan, release, coverage or fuzz")
option(ENTREPOT_FUZZ "build the fuzzers" OFF)
option(ENTREPOT_BENCH "build the load generator and its bounds" OFF)

add_compile_options(-Wall -Wextra -Wpedantic -Werror -Wshadow -Wnon-virtual-dtor -Wthread-safety
                    -Wimplicit-fallthrough -Wno-gnu-statement-expression -Wno-missing-field-initializers
                    -Wno-missing-designated-field-initializers
                    -fno-omit-frame-pointer -Xclang -fno-pch-timestamp)
add_link_options(-fuse-ld=lld-19)

if(ENTREPOT_FLAVOUR STREQUAL "dev")
  add_compile_options(-O1 -g1 -fsanitize=address,undefined -fno-sanitize-recover=all)
  add_link_options(-fsanitize=address,undefined)
elseif(ENTREPOT_FLAVOUR STREQUAL "tsan")
  add_compile_options(-O1 -g1 -fsanitize=thread)
  add_link_options(-fsanitize=thread)
elseif(ENTREPOT_FLAVOUR STREQUAL "release")
  add_compile_options(-O2 -g1 -DNDEBUG -fPIE -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
                      -ffunction-sections -fdata-sections)
  add_link_options(-pie -Wl,-z,relro,-z,now,-z,noexecstack,--gc-sections)
elseif(ENTREPOT_FLAVOUR STREQUAL "coverage")
  add_compile_options(-O0 -g1 -fprofile-instr-generate -fcoverage-mapping)
  add_link_options(-fprofile-instr-generate)
elseif(ENTREPOT_FLAVOUR STREQUAL "fuzz")
  add_compile_options(-O1 -g1 -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all)
  add_link_options(-fsanitize=address,undefined)
else()
  message(FATAL_ERROR "ENTREPOT_FLAVOUR '${ENTREPOT_FLAVOUR}' is not one of dev, tsan, release, coverage, fuzz")
endif()

add_compile_definitions(BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION
                        BOOST_JSON_NO_LIB SPDLOG_COMPILED_LIB SPDLOG_FMT_EXTERNAL
                        ENTREPOT_VERSION="${PROJECT_VERSION}")
