/*
 * A program of MPI: messages of growing sizes to and fro whose bytes are checked, sums over all ranks, and with the argument "windows" writing into
 * and adding to each other's memory. Exits with 0 when everything was right.
 */
#include <mpi.h>
#include <stdio.h>
#include <string.h>

enum { MOST = 1 << 20, ROUNDS = 20, SUMS = 100 };
static char buffer[MOST];

static void require(int holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "wrong: %s\n", what);
        MPI_Abort(MPI_COMM_WORLD, 1);
    }
}

static void messages(int rank)
{
    if (rank > 1)
        return;
    int peer = 1 - rank;
    for (int size = 8; size <= MOST; size *= 8) {
        for (int round = 0; round < ROUNDS; round++) {
            for (int turn = 0; turn < 2; turn++) {
                char value = (char)(2 * round + turn + size % 251);
                if (turn == rank) {
                    memset(buffer, value, size);
                    MPI_Send(buffer, size, MPI_CHAR, peer, turn, MPI_COMM_WORLD);
                } else {
                    memset(buffer, ~value, size);
                    MPI_Recv(buffer, size, MPI_CHAR, peer, turn, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
                    for (int i = 0; i < size; i++)
                        require(buffer[i] == value, "a byte of a message");
                }
            }
        }
    }
}

static void sums(int rank, int ranks)
{
    for (long i = 0; i < SUMS; i++) {
        long mine = rank + 1 + i, sum = 0;
        MPI_Allreduce(&mine, &sum, 1, MPI_LONG, MPI_SUM, MPI_COMM_WORLD);
        require(sum == ranks * (ranks + 1) / 2 + ranks * i, "a sum");
    }
}

static void windows(int rank, int ranks)
{
    long *memory, one = 1, mine = rank + 1;
    MPI_Win window;
    MPI_Win_allocate(4 * sizeof(long), sizeof(long), MPI_INFO_NULL, MPI_COMM_WORLD, &memory, &window);
    memset(memory, 0, 4 * sizeof(long));
    MPI_Win_fence(0, window);
    for (int target = 0; target < ranks; target++)
        MPI_Accumulate(&one, 1, MPI_LONG, target, 0, 1, MPI_LONG, MPI_SUM, window);
    MPI_Put(&mine, 1, MPI_LONG, (rank + 1) % ranks, 1, 1, MPI_LONG, window);
    MPI_Win_fence(0, window);
    require(memory[0] == ranks, "what all added");
    require(memory[1] == (rank + ranks - 1) % ranks + 1, "what a neighbour wrote");
    MPI_Win_free(&window);
}

int main(int count, char **arguments)
{
    int rank, ranks;
    MPI_Init(&count, &arguments);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    messages(rank);
    sums(rank, ranks);
    if (count > 1 && strcmp(arguments[1], "windows") == 0)
        windows(rank, ranks);
    if (rank == 0)
        printf("right with %d ranks\n", ranks);
    MPI_Finalize();
    return 0;
}
