#include "harrierd.h"

#include <unistd.h>

int main(int argc, char **argv) {
    return harrierd_main(argc, argv, environ);
}
