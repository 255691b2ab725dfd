#include "app/agent_app.hpp"

int main(int argc, char** argv) {
    return diglett::app::run_agent(argc, argv);
}
