#include <string_view>

#include "app/agent_app.hpp"
#include "app/grid_token_app.hpp"

int main(int argc, char** argv) {
    if (argc > 1 && std::string_view(argv[1]) == diglett::app::kGridTokenCommand) {
        return diglett::app::run_grid_token(argc - 1, argv + 1);
    }
    return diglett::app::run_agent(argc, argv);
}
