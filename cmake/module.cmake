# entrepot_module(<folder> [DEPS <folder>...] [LIBRARIES <target>...] [PRIVATE_LIBRARIES <target>...] [PCH <header>...])
#
# One target a folder: every .cc beside the CMakeLists.txt (and one level below it) is the library entrepot_<name>;
# every *_test.cc is a case of the test program <name>_test; main.cc is left to the folder's own program. DEPS are the
# arrows of ARCHITECTURE.md: other modules, with '/' written as '_'.
function(entrepot_module name)
  cmake_parse_arguments(ARG "" "" "DEPS;LIBRARIES;PRIVATE_LIBRARIES;PCH" ${ARGN})
  set(target entrepot_${name})
  file(GLOB sources CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} *.cc)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$|^main\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")

  add_library(${target} STATIC ${sources})
  target_include_directories(${target} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  list(TRANSFORM ARG_DEPS PREPEND entrepot_)
  target_link_libraries(${target} PUBLIC ${ARG_DEPS} ${ARG_LIBRARIES} PRIVATE ${ARG_PRIVATE_LIBRARIES})
  if(ARG_PCH)
    target_precompile_headers(${target} PRIVATE ${ARG_PCH})
  elseif(NOT name STREQUAL "base")
    target_precompile_headers(${target} REUSE_FROM entrepot_base)
  endif()

  if(tests)
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE ${target} ${ARG_PRIVATE_LIBRARIES} GTest::gmock GTest::gtest GTest::gtest_main)
    target_compile_definitions(${name}_test PRIVATE ENTREPOT_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    target_precompile_headers(${name}_test REUSE_FROM entrepot_base)
    add_test(NAME ${name} COMMAND ${name}_test)
  endif()
endfunction()
