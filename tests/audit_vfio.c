// SPDX-License-Identifier: GPL-2.0-only
/* What the audits of VFIO's files must refuse, fact by fact. */
#include "iommufd_client.h"

#include "audit_break.h"
#include "core/iommu_priv.h"
#include "iommufd/iommufd_private.h"
#include "machine.h"
#include "type1/t1.h"
#include "vfio/vfio_priv.h"

static struct rig rig;

static const char *audit_now(void)
{
	return vfio_audit(rig.machine->vfio, true);
}

static struct iommu_group *group_of(const char *device)
{
	return sio_device_find(rig.machine, device)->iommu->group;
}

static struct vfio_group *vfio_of(const char *device)
{
	return group_of(device)->vfio;
}

/* A is open through a container; B is not, E's node is bound and attached. */
static void setup(void)
{
	int iommufd, node;

	rig_boot_as(&rig, "6.12", "vtd48sm", NULL);
	rig_open(&rig, "A", NULL);
	iommufd = rig_iommufd(&rig);
	node = rig_cdev(&rig, "E");
	ck_assert_int_gt(rig_bind(&rig, node, iommufd), 0);
	ck_assert_int_gt(rig_attach(&rig, node, rig_ioas(&rig, iommufd)), 0);
	audit_holds();
}

static void teardown(void)
{
	rig_halt(&rig);
}

START_TEST(a_device_that_is_wrong_is_found)
{
	struct vfio_device *open = vfio_of("A")->devices, *closed = vfio_of("B")->devices;
	struct vfio_device *node = vfio_of("E")->devices;

	AUDIT_FINDS(open->open_count, 0,
		    "vfio device: configuration copy of a closed device, or none of an open one");
	AUDIT_FINDS(closed->pci->config[PCIR_COMMAND], PCI_CMD_MASTER,
		    "vfio device: a closed device masters the bus");
	AUDIT_FINDS(node->open_count, 2,
		    "vfio device: its node's file is not the only one, or has no iommufd");
	AUDIT_FINDS(node->node_files, 0,
		    "vfio device: its node's file is not the only one, or has no iommufd");
	AUDIT_FINDS(open->by_node, true,
		    "vfio device: its node's file is not the only one, or has no iommufd");
	AUDIT_FINDS(open->attached, true, "vfio device: attached to something while not bound");
	AUDIT_FINDS(closed->iommufd, node->iommufd,
		    "vfio device: a closed device is bound to an iommufd");
}
END_TEST

START_TEST(an_attachment_that_iommufd_does_not_know_is_found)
{
	struct vfio_device *node = vfio_of("E")->devices;
	uint32_t pasids[] = {3, 3};
	struct iommufd_attach *known = node->iommufd->igroup->attachments;

	AUDIT_FINDS(node->iommufd->igroup->attachments, NULL,
		    "vfio device: iommufd knows nothing of its attachment");
	node->pasid = pasids;
	AUDIT_FINDS(node->pasid_count, 1,
		    "vfio device: iommufd knows nothing of a PASID's attachment");
	/* As if it were known. */
	node->attached = false;
	known->pasid = 3;
	AUDIT_FINDS(node->pasid_count, 2, "vfio device: PASIDs do not ascend");
	known->pasid = IOMMU_NO_PASID;
	node->attached = true;
	node->pasid = NULL;
	audit_holds();
}
END_TEST

START_TEST(a_group_that_is_wrong_is_found)
{
	struct vfio_group *open = vfio_of("A"), *node = vfio_of("E"), *idle = vfio_of("B");

	AUDIT_FINDS(node->node_users, 0,
		    "vfio group: node users are not the devices that are bound by their node");
	AUDIT_FINDS(node->opened, open->opened,
		    "vfio group: open while a device is bound by its node");
	AUDIT_FINDS(open->container_users, 2, "vfio group: users are not the open devices");
	AUDIT_FINDS(open->iommufd, node->devices->iommufd->ctx,
		    "vfio group: an iommufd beside a container, or without an open file");
	AUDIT_FINDS(idle->iommufd, node->devices->iommufd->ctx,
		    "vfio group: an iommufd beside a container, or without an open file");
	AUDIT_FINDS(open->container, NULL, "vfio group: a device is open without a container");
	AUDIT_FINDS(open->opened, NULL, "vfio group: in a container without an open file");
	AUDIT_FINDS(open->opened->refs, 0,
		    "vfio group: the file has fewer references than open devices");
	AUDIT_FINDS(open->kind, VFIO_GROUP_NOIOMMU,
		    "vfio group: its kind is not that of its IOMMU group");
	AUDIT_FINDS(idle->kind, VFIO_GROUP_EMULATED,
		    "vfio group: its kind is not that of its IOMMU group");
	AUDIT_FINDS(open->container->noiommu, true, "vfio group: in a container of another kind");
	AUDIT_FINDS(group_of("A")->owner_count, 0,
		    "vfio group: in a container without DMA ownership");
}
END_TEST

START_TEST(a_container_that_is_wrong_is_found)
{
	struct vfio_container *container = vfio_of("A")->container;
	struct type1 *t1 = container->t1;
	struct vfio_container other = *container;

	AUDIT_FINDS(container->refs, 3, "vfio container: references are not its file and groups");
	AUDIT_FINDS(container->refs, 0, "vfio container: references are not its file and groups");
	AUDIT_FINDS(container->groups, NULL, "vfio container: driver selected without a group");
	AUDIT_FINDS(vfio_of("A")->container, &other,
		    "vfio container: holds a group that names another one");
	AUDIT_FINDS(t1->invalid_count, 1, "the count of invalidated mappings is wrong");
	/* Its groups' own audit comes first: without groups. */
	container->groups = NULL;
	vfio_of("A")->container = &other;
	container->noiommu = true;
	audit_says("vfio container: type1 beside groups without an IOMMU");
	container->noiommu = false;
	vfio_of("A")->container = container;
	container->groups = vfio_of("A");
	audit_holds();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vfio audit");
	TCase *tcase = tcase_create("audit");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_device_that_is_wrong_is_found);
	tcase_add_test(tcase, an_attachment_that_iommufd_does_not_know_is_found);
	tcase_add_test(tcase, a_group_that_is_wrong_is_found);
	tcase_add_test(tcase, a_container_that_is_wrong_is_found);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
